"""Which plugins a bot runs, in which order and how configured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from models import BotPlugin
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.fleet import plugin_catalogue

LONGEST_CONFIG = 64 * 1024  # bytes of JSON; texts of a menu, not files
MOST_PLUGINS = 50


@dataclass(frozen=True)
class PluginChoice:
    """One plugin of a bot; its place in the list is its place in the routing."""

    name: str
    enabled: bool = True
    config: dict[str, Any] = field(default_factory=dict)


# What a new bot does unless told otherwise: answers /start and /help, and says so when something fails.
DEFAULT_PLUGINS = (PluginChoice("start"), PluginChoice("help"), PluginChoice("error_handler"))


def rows_of(choices: Sequence[PluginChoice]) -> list[BotPlugin]:
    """The rows of a choice, checked against the catalogue; InvalidInput naming the plugin and what is wrong."""
    if len(choices) > MOST_PLUGINS:
        raise InvalidInput(
            Text("A bot has at most {most} plugins", most=MOST_PLUGINS),
            code="plugins_too_many",
            field="plugins",
        )
    rows = [
        BotPlugin(
            position=position,
            name=choice.name,
            enabled=choice.enabled,
            config=plugin_catalogue.validate(choice.name, choice.config),
            config_version=plugin_catalogue.config_version(choice.name),
        )
        for position, choice in enumerate(choices)
    ]
    if len({row.name for row in rows}) < len(rows):
        raise InvalidInput("A plugin is listed twice", code="plugin_repeated", field="plugins")
    plugin_catalogue.check_together([row.name for row in rows if row.enabled])
    for row in rows:
        _refuse_long(row)
    return rows


def problems_of(choices: Sequence[PluginChoice]) -> list[InvalidInput]:
    """All that is against saving a choice, each with its place; nothing is written."""
    found = [each for choice in choices for each in plugin_catalogue.problems(choice.name, choice.config)]
    if not found:
        try:
            rows_of(choices)
        except InvalidInput as error:
            return [error]
    return found


def _refuse_long(row: BotPlugin) -> None:
    if len(json.dumps(row.config)) > LONGEST_CONFIG:
        raise InvalidInput(
            Text("The configuration of {name} is over {size} KB", name=row.name, size=LONGEST_CONFIG // 1024),
            code="plugin_config_too_long",
            field="plugins",
        )
