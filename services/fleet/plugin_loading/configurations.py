"""Stored configurations as a version of a plugin wants them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from models import Bot, BotPlugin
from plugins.base import BasePlugin
from services.core.validation_texts import reason_of
from services.fleet.plugin_loading.versions import Catalogue
from services.platform.platform import Platform


class PluginRefused(Exception):
    """A version of the plugin `name` cannot serve a bot that uses it."""

    def __init__(self, name: str, reason: str, line: int | None = None) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason
        self.line = line


class SetupRefused(PluginRefused):
    """It could not be set up for a bot that this process runs, which other processes may not run: all are to hear of it."""


def current_config(plugin: type[BasePlugin], config: Mapping[str, Any], version: int) -> dict[str, Any]:
    """A configuration that was stored under `config_version` `version`, as this plugin wants it; writes nothing.

    Raises whatever the plugin's `migrate` raises.
    """
    return dict(config) if version >= plugin.config_version else plugin.migrate(dict(config))


def check_stored(platform: Platform, candidate: Catalogue, names: frozenset[str]) -> None:
    """Raise PluginRefused for the first bot that runs one of `names` with what its new version does not take.

    Every process comes to the same answer, whichever bots it serves. Raises Unavailable.
    """
    plugins = {name: candidate.plugins[name] for name in names if name in candidate.plugins}
    if not plugins:
        return
    query = (
        select(BotPlugin.name, BotPlugin.config, BotPlugin.config_version, Bot.username)
        .join(Bot, Bot.id == BotPlugin.bot_id)
        .where(BotPlugin.name.in_(sorted(plugins)), BotPlugin.enabled, Bot.desired_running)
    )
    with platform.database.reading() as session:
        rows = session.execute(query).all()
    distinct = {(name, version, json.dumps(config)): bot for name, config, version, bot in rows}
    for (name, version, config), bot in distinct.items():
        _check(plugins[name], json.loads(config), version, bot)


def _check(plugin: type[BasePlugin], config: dict[str, Any], version: int, bot: str) -> None:
    try:
        plugin.config_model.model_validate(current_config(plugin, config, version))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"it refuses the configuration of @{bot}: {where}: {reason_of(first)}"
        raise PluginRefused(plugin.name, reason) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # somebody else's code
        reason = f"migrate() of the configuration of @{bot} failed: {type(error).__name__}: {error}"
        raise PluginRefused(plugin.name, reason) from None
