"""What a process must know of the bots it sends for: token and policy, in its memory only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from models import Bot, UncertainPolicy
from services.fleet.bots.identity import FIRST, Identity
from services.platform.platform import Platform
from services.platform.redis.read_ahead import ReadAheadCache
from services.platform.tokens import owner_of


@dataclass(frozen=True)
class BotSender:
    """A bot as the sender of messages. `at_most_once`: nothing that may have arrived is sent again."""

    token: str = field(repr=False)
    at_most_once: bool
    identity: Identity = FIRST
    keeps_messages: bool = False


@dataclass(frozen=True)
class _Row:
    sealed_token: str = field(repr=False)
    at_most_once: bool
    identity: Identity
    keeps_messages: bool


class SenderCache(ReadAheadCache[_Row, BotSender]):
    """Sender by bot id; None when the bot is gone, Unavailable when the database is away. Tokens are opened one by one:
    one that no key opens (ConfigurationError) is the trouble of its own bot.
    """

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = platform

    def _read(self, keys: Sequence[int]) -> Mapping[int, _Row]:
        with self._platform.database.reading() as session:
            bots = session.scalars(select(Bot).where(Bot.id.in_(keys))).all()
        return {bot.id: _row(bot) for bot in bots}

    def _make(self, key: int, row: _Row) -> BotSender:
        token = self._platform.vault.unseal(row.sealed_token, owner=owner_of(key))
        return BotSender(token, row.at_most_once, row.identity, row.keeps_messages)


def _row(bot: Bot) -> _Row:
    once = bot.uncertain_policy == UncertainPolicy.AT_MOST_ONCE
    return _Row(bot.sealed_token, once, Identity.of(bot), bot.keeps_messages)
