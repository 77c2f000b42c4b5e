"""What a process must know of the bots it sends for: token and policy, in its memory only."""

from __future__ import annotations

from dataclasses import dataclass, field

from models import Bot, UncertainPolicy
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from services.platform.tokens import token_of


@dataclass(frozen=True)
class BotSender:
    """A bot as the sender of messages. `at_most_once`: nothing that may have arrived is sent again."""

    token: str = field(repr=False)
    at_most_once: bool


class SenderCache:
    """Sender by bot id. `on_change` belongs into a ChangeListener."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: dict[int, BotSender] = {}
        self._generation = 0

    def get(self, bot_id: int) -> BotSender | None:
        """The bot's token and policy, None when the bot is gone; Unavailable when the database is away."""
        known = self._known.get(bot_id)
        if known is not None:
            return known
        generation = self._generation
        with self._platform.database.reading() as session:
            bot = session.get(Bot, bot_id)
        if bot is None:
            return None
        at_most_once = bot.uncertain_policy == UncertainPolicy.AT_MOST_ONCE
        sender = BotSender(token_of(self._platform, bot), at_most_once)
        if generation == self._generation:
            self._known[bot_id] = sender
        return sender

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
