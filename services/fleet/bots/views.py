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


class RateLimitingView(TypedDict):
    """How often one person may turn to a bot; null means as the installation's settings say."""

    enabled: bool
    default_rate: float | None
    burst_size: int | None


class BotView(TypedDict):
    """A bot; never with its token. `declared_in` names the YAML file that it follows, `alias` is the `id` there;
    `follows_pool_id` is the pool whose behaviour it has.
    """

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
    description: str
    webhook_path: str
    max_connections: int
    parse_mode: str
    disable_web_page_preview: bool
    rate_limiting: RateLimitingView
    alias: str | None
    declared_in: str
    follows_pool_id: int | None
    is_manager: bool
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
        "description": bot.description,
        "webhook_path": bot.webhook_path,
        "max_connections": bot.max_connections,
        "parse_mode": bot.parse_mode,
        "disable_web_page_preview": bot.disable_web_page_preview,
        "rate_limiting": {
            "enabled": bot.limits_people,
            "default_rate": bot.rate_per_minute,
            "burst_size": bot.rate_burst,
        },
        "alias": bot.alias,
        "declared_in": bot.declared_in,
        "follows_pool_id": bot.follows_pool_id,
        "is_manager": bot.is_manager,
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
