"""Commands that ask another API and answer with what it says."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.http import HttpError, value_at
from plugins.markup import HTML
from plugins.router import Router
from plugins.texts import TelegramText

PLACE: Final = re.compile(r"\{([A-Za-z0-9_.-]{1,100})\}")
MOST_COMMANDS: Final = 50
LONGEST_VALUE: Final = 500  # characters of what stands in for one place of an answer
FAILED = {
    "pt": "Não foi possível consultar agora. Tente mais tarde.",
    "en": "This cannot be looked up now. Try later.",
}
Text = Annotated[str, TelegramText(may_be_blank=True)]


class ApiCommand(BaseModel):
    """A command and what it asks."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field(
        pattern=r"^/?[A-Za-z0-9_]{1,32}$", description="the command, with or without a slash"
    )
    url: str = Field(
        pattern=r"^https://\S+$",
        max_length=1000,
        description="what is asked; {args}, {id}, {language} are filled in",
    )
    answer: Annotated[str, TelegramText()] = Field(
        min_length=1, description="the answer, HTML; {main.temp} or {0.name} is read out of the JSON"
    )
    keep_seconds: int = Field(
        3600, ge=0, le=604_800, description="how long the last answer stands in for an API that is away"
    )


class ApiConfig(PluginConfig):
    """Configuration of `api`."""

    commands: list[ApiCommand] = Field(
        default_factory=lambda: [
            ApiCommand(
                command="/time",
                url="https://worldtimeapi.org/api/timezone/America/Sao_Paulo",
                answer="{datetime}",
            )
        ],
        max_length=MOST_COMMANDS,
        description="Commands, the address that each asks, and the answer made of its JSON",
    )
    error_message: Text = Field("", description="Answer when the API fails, HTML; empty: an apology")


class ApiPlugin(BasePlugin):
    """Answers configured commands with what an API says."""

    name = "api"
    title = "Other APIs"
    description = "Asks other APIs and answers with what they say"
    author = "Flotilla"
    config_model = ApiConfig

    def setup_handlers(self, router: Router) -> None:
        """Take the configured commands."""
        for each in self.get_config("commands"):
            router.command(each.command)(partial(self._ask, each))

    def _ask(self, asked: ApiCommand, _message: Any, ctx: Context) -> None:
        values = {
            "args": ctx.command.args if ctx.command else "",
            "id": ctx.lead.telegram_id,
            "language": ctx.lead.language,
        }
        url = _filled(
            asked.url, lambda place: quote(str(values[place]), safe="") if place in values else None
        )
        try:
            found = ctx.http.get(url, keep_seconds=asked.keep_seconds).json()
        except HttpError as error:
            ctx.logger.warning("the API behind /%s failed: %s", asked.command.removeprefix("/"), error)
            ctx.send(self.get_config("error_message") or ctx.translate(FAILED), parse_mode=HTML)
            return
        ctx.send(
            _filled(asked.answer, lambda place: ctx.escape(_shown(value_at(found, place)))), parse_mode=HTML
        )


def _filled(template: str, value_of: Any) -> str:
    """`template` with each {place} replaced by what `value_of` says; None leaves it as it is."""

    def replaced(found: re.Match[str]) -> str:
        value = value_of(found[1])
        return found[0] if value is None else str(value)

    return PLACE.sub(replaced, template)


def _shown(value: Any) -> str:
    return "—" if value is None else str(value)[:LONGEST_VALUE]


plugin = ApiPlugin
