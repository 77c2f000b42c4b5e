"""Says again what it was told."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.markup import HTML
from plugins.router import Router


class EchoConfig(PluginConfig):
    """Configuration of `echo`."""

    echo_all: bool = Field(False, description="Repeat every text, not only /echo <text>")


class EchoPlugin(BasePlugin):
    """Repeats `/echo <text>`, and every text if configured."""

    name = "echo"
    title = "Echo"
    description = "Repeats what people write"
    author = "Flotilla"
    config_model = EchoConfig

    def setup_handlers(self, router: Router) -> None:
        """Take /echo, and texts where `echo_all` is on."""
        router.command("echo")(self._echo)
        if self.get_config("echo_all"):
            router.text()(self._echo_text)

    def _echo(self, _message: Any, ctx: Context) -> None:
        usage = {"pt": "Uso: /echo <texto>", "en": "Usage: /echo <text>"}
        given = ctx.command.args if ctx.command else ""
        ctx.send(ctx.escape(given or ctx.translate(usage)), parse_mode=HTML)

    def _echo_text(self, message: Any, ctx: Context) -> None:
        ctx.send(ctx.escape(message.text), parse_mode=HTML)


plugin = EchoPlugin
