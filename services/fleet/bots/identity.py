"""Which of its identities at Telegram a bot has: one row may be taken over by another Telegram bot, and then by a third."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models import Bot


@dataclass(frozen=True)
class Identity:
    """`number` counts a bot's identities from 1; of a later one `since_ms` is when it took over, in epoch milliseconds."""

    number: int = 1
    since_ms: int = 0

    @classmethod
    def of(cls, bot: Bot) -> Identity:
        """The identity that the row has now."""
        since = bot.identity_since
        return cls(bot.identity, round(since.timestamp() * 1000) if since is not None else 0)

    def is_after(self, entry_id: str) -> bool:
        """Whether a stream's entry is from before this identity took over, so that it belongs to a former one."""
        return int(entry_id.partition("-")[0]) < self.since_ms


FIRST: Final = Identity()
