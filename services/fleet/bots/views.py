"""A bot as programs see it; never with its token."""

from __future__ import annotations

from typing import Annotated, Any

from typing_extensions import TypedDict

from models import Bot, BotMode, BotStatus, FsmStrategy, UncertainPolicy
from services.core.answer_types import Moment, Sentence, one_of
from services.core.times import iso
from services.fleet.plugin_catalogue import present_config


class PluginView(TypedDict):
    """A plugin of a bot, in order of routing."""

    name: str
    enabled: bool
    config: dict[str, Any]


class BotView(TypedDict):
    """A bot; never with its token."""

    id: int
    public_id: str
    telegram_bot_id: int
    username: str
    name: str
    mode: Annotated[str, one_of(BotMode)]
    status: Annotated[str, one_of(BotStatus)]
    status_reason: Sentence
    uncertain_policy: Annotated[str, one_of(UncertainPolicy)]
    fsm_strategy: Annotated[str, one_of(FsmStrategy)]
    desired_running: bool
    tags: list[str]
    capabilities: dict[str, Any]
    plugins: list[PluginView]
    created_at: Moment
    updated_at: Moment


def describe(bot: Bot) -> BotView:
    """The JSON of a bot whose plugins are loaded."""
    return {
        "id": bot.id,
        "public_id": bot.public_id,
        "telegram_bot_id": bot.telegram_bot_id,
        "username": bot.username,
        "name": bot.name,
        "mode": bot.mode,
        "status": bot.status,
        "status_reason": bot.status_reason,
        "uncertain_policy": bot.uncertain_policy,
        "fsm_strategy": bot.fsm_strategy,
        "desired_running": bot.desired_running,
        "tags": bot.tags,
        "capabilities": bot.capabilities,
        "plugins": [
            {
                "name": plugin.name,
                "enabled": plugin.enabled,
                "config": present_config(plugin.name, plugin.config, plugin.config_version),
            }
            for plugin in bot.plugins
        ],
        "created_at": iso(bot.created_at),
        "updated_at": iso(bot.updated_at),
    }
