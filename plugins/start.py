"""Greets whoever presses Start."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.markup import HTML
from plugins.router import Router
from plugins.texts import VARIABLES, TelegramText


class StartConfig(PluginConfig):
    """Configuration of `start`."""

    welcome_message: Annotated[str, TelegramText(variables=VARIABLES)] = Field(
        "Olá, {first_name}! 👋",
        min_length=1,
        description="Answer to /start, HTML; {first_name}, {last_name}, {username}, {start_param}, {bot_name}",
    )


class StartPlugin(BasePlugin):
    """Answers /start with the configured welcome."""

    name = "start"
    title = "Welcome"
    description = "Answers /start with a welcome message"
    author = "Flotilla"
    config_model = StartConfig

    def setup_handlers(self, router: Router) -> None:
        """Take /start, with or without a payload."""
        router.command("start")(self._welcome)

    def _welcome(self, _message: Any, ctx: Context) -> None:
        ctx.send(ctx.fill(self.get_config("welcome_message"), HTML), parse_mode=HTML)


plugin = StartPlugin
