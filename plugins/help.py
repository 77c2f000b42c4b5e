"""Lists what the bot understands."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.router import Router


class HelpCommand(BaseModel):
    """A line of the list."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field(
        pattern=r"^/?[A-Za-z0-9_]{1,32}$", description="the command, with or without a slash"
    )
    description: str = Field("", max_length=256, description="what it does")


class HelpConfig(PluginConfig):
    """Configuration of `help`."""

    header: str = Field("Comandos disponíveis", max_length=256, description="First line, plain text")
    commands: list[HelpCommand] = Field(
        default_factory=lambda: [HelpCommand(command="/start"), HelpCommand(command="/help")],
        max_length=50,
        description="The commands and what they do",
    )


class HelpPlugin(BasePlugin):
    """Answers /help with the configured list."""

    name = "help"
    description = "Answers /help with a list of commands"
    author = "Flotilla"
    config_model = HelpConfig

    def setup_handlers(self, router: Router) -> None:
        """Take /help."""
        router.command("help")(self._list)

    def _list(self, _message: Any, ctx: Context) -> None:
        lines = [f"<b>{ctx.escape(self.get_config('header'))}</b>", ""]
        for entry in self.get_config("commands", []):
            meaning = f" — {ctx.escape(entry.description)}" if entry.description else ""
            lines.append(f"/{entry.command.removeprefix('/')}{meaning}")
        ctx.send("\n".join(lines))


plugin = HelpPlugin
