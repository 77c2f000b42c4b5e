"""Lists what the bot understands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.markup import HTML
from plugins.router import Router
from plugins.texts import PlannedText, TelegramText

MAYBE_BLANK: Final = TelegramText(None, may_be_blank=True)


class HelpCommand(BaseModel):
    """A line of the list."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field(
        pattern=r"^/?[A-Za-z0-9_]{1,32}$", description="the command, with or without a slash"
    )
    description: Annotated[str, MAYBE_BLANK] = Field("", max_length=256, description="what it does")


class HelpConfig(PluginConfig):
    """Configuration of `help`."""

    header: Annotated[str, MAYBE_BLANK] = Field(
        "Comandos disponíveis", max_length=256, description="First line, plain text"
    )
    commands: list[HelpCommand] = Field(
        default_factory=lambda: [HelpCommand(command="/start"), HelpCommand(command="/help")],
        max_length=50,
        description="The commands and what they do",
    )

    def telegram_texts(self) -> Iterable[PlannedText]:
        """The list is one text, made of all fields."""
        return [PlannedText("commands", help_text(self.header, self.commands))]

    @field_validator("commands")
    @classmethod
    def _fits(cls, commands: list[HelpCommand], info: ValidationInfo) -> list[HelpCommand]:
        TelegramText().checked(help_text(info.data.get("header", ""), commands), info)
        return commands


class HelpPlugin(BasePlugin):
    """Answers /help with the configured list."""

    name = "help"
    title = "Help"
    description = "Answers /help with a list of commands"
    author = "Flotilla"
    config_model = HelpConfig

    def setup_handlers(self, router: Router) -> None:
        """Take /help."""
        router.command("help")(self._list)

    def _list(self, _message: Any, ctx: Context) -> None:
        ctx.send(help_text(self.get_config("header"), self.get_config("commands")), parse_mode=HTML)


def help_text(header: str, commands: Iterable[HelpCommand]) -> str:
    """The list as it is sent, HTML."""
    lines = [f"<b>{Context.escape(header)}</b>", ""]
    for entry in commands:
        meaning = f" — {Context.escape(entry.description)}" if entry.description else ""
        lines.append(f"/{entry.command.removeprefix('/')}{meaning}")
    return "\n".join(lines)


plugin = HelpPlugin
