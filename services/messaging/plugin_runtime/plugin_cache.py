"""The behaviours of the bots in this process, built on first need and again after every announced change."""

from __future__ import annotations

import threading

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import Bot
from plugins.context import BotFacts
from services.messaging.plugin_runtime.behaviour import Behaviour, build
from services.platform.platform import Platform
from services.platform.redis.changes import Topic


class PluginCache:
    """Behaviour by bot id. `on_change` belongs into a ChangeListener; without one the book never ages."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: dict[int, Behaviour | None] = {}
        self._generation = 0
        self._lock = threading.Lock()

    def get(self, bot_id: int) -> Behaviour | None:
        """The behaviour of a bot, None for one that does not exist; Unavailable when the database is away."""
        if bot_id in self._known:
            return self._known[bot_id]
        generation = self._generation
        behaviour = self._load(bot_id)
        with self._lock:
            if generation == self._generation:  # else it may be older than the change just announced
                self._known[bot_id] = behaviour
        return behaviour

    def peek(self, bot_id: int) -> Behaviour | None:
        """The behaviour of a bot if it is at hand; asks nobody."""
        return self._known.get(bot_id)

    def on_change(self, topic: Topic, identity: int) -> None:
        """Forget the bot that changed, or all of them after a gap."""
        if topic is Topic.POOL:
            return
        with self._lock:
            self._generation += 1
            gone = list(self._known.values()) if topic is Topic.ANY else [self._known.get(identity)]
            if topic is Topic.ANY:
                self._known.clear()
            else:
                self._known.pop(identity, None)
        for behaviour in gone:
            if behaviour is not None:
                behaviour.unload(stopped=False)

    def _load(self, bot_id: int) -> Behaviour | None:
        with self._platform.database.reading() as session:
            bot = session.scalar(select(Bot).where(Bot.id == bot_id).options(selectinload(Bot.plugins)))
        if bot is None:
            return None
        return build(
            BotFacts(bot.id, bot.username, bot.name),
            bot.account_id,
            bot.desired_running,
            [(choice.name, choice.config) for choice in bot.plugins if choice.enabled],
            self._platform.database,
        )
