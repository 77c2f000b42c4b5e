"""What a process must know of the bots it sends for: token and policy, in its memory only."""

from __future__ import annotations

from dataclasses import dataclass, field

from models import Bot, UncertainPolicy
from services.fleet.bots.identity import FIRST, Identity
from services.platform.platform import Platform
from services.platform.redis.cache import ChangeCache
from services.platform.tokens import token_of


@dataclass(frozen=True)
class BotSender:
    """A bot as the sender of messages. `at_most_once`: nothing that may have arrived is sent again."""

    token: str = field(repr=False)
    at_most_once: bool
    identity: Identity = FIRST
    keeps_messages: bool = False


class SenderCache(ChangeCache[int, BotSender]):
    """Sender by bot id; None when the bot is gone, Unavailable when the database is away."""

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = platform

    def _load(self, key: int) -> BotSender | None:
        with self._platform.database.reading() as session:
            bot = session.get(Bot, key)
        if bot is None:
            return None
        return BotSender(
            token_of(self._platform, bot),
            bot.uncertain_policy == UncertainPolicy.AT_MOST_ONCE,
            Identity.of(bot),
            bot.keeps_messages,
        )
