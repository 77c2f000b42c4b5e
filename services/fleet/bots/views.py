"""A bot as programs see it; never with its token."""

from __future__ import annotations

from typing import Any

from models import Bot
from services.core.times import iso


def describe(bot: Bot) -> dict[str, Any]:
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
        "desired_running": bot.desired_running,
        "capabilities": bot.capabilities,
        "plugins": [
            {"name": plugin.name, "enabled": plugin.enabled, "config": plugin.config}
            for plugin in bot.plugins
        ],
        "created_at": iso(bot.created_at),
        "updated_at": iso(bot.updated_at),
    }
