"""The behaviours of the bots in this process, built on first need and again after every announced change."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import Bot
from plugins.context import BotFacts, Strategy
from services.messaging.plugin_runtime.behaviour import Behaviour, build
from services.platform.platform import Platform
from services.platform.redis.cache import ChangeCache


class PluginCache(ChangeCache[int, Behaviour]):
    """Behaviour by bot id; None for a bot that does not exist, Unavailable when the database is away."""

    keeps_missing = True

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = platform

    def _load(self, key: int) -> Behaviour | None:
        with self._platform.database.reading() as session:
            bot = session.scalar(select(Bot).where(Bot.id == key).options(selectinload(Bot.plugins)))
        if bot is None:
            return None
        return build(
            BotFacts(bot.id, bot.username, bot.name, Strategy(bot.fsm_strategy)),
            bot.account_id,
            bot.desired_running,
            [(choice.name, choice.config) for choice in bot.plugins if choice.enabled],
            self._platform.database,
        )

    def _dropped(self, value: Behaviour) -> None:
        value.unload()
