"""The tokens of the bots a process sends for, in its memory only."""

from __future__ import annotations

from models import Bot
from services.bots.tokens import token_of
from services.platform import Platform
from services.redis.changes import Topic


class TokenBook:
    """Token by bot id. `on_change` belongs into a ChangeListener."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: dict[int, str] = {}
        self._generation = 0

    def get(self, bot_id: int) -> str | None:
        """The bot's token, None when the bot is gone; Unavailable when the database is away."""
        known = self._known.get(bot_id)
        if known is not None:
            return known
        generation = self._generation
        with self._platform.database.reading() as session:
            bot = session.get(Bot, bot_id)
        if bot is None:
            return None
        token = token_of(self._platform, bot)
        if generation == self._generation:
            self._known[bot_id] = token
        return token

    def forget(self, bot_id: int) -> None:
        """Look again next time."""
        self._known.pop(bot_id, None)

    def on_change(self, topic: Topic, identity: int) -> None:
        """Forget the bot that changed, or all of them after a gap."""
        if topic is Topic.POOL:
            return
        self._generation += 1
        if topic is Topic.BOT:
            self.forget(identity)
        else:
            self._known = {}
