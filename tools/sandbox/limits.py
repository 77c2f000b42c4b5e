"""Telegram's sending limits as pure arithmetic: time comes in as an argument, seconds to wait come out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

PER_BOT = 30.0
"""Messages per second and bot (Telegram's FAQ on broadcasting)."""
PER_CHAT = 1.0
CHAT_BURST = 3.0
"""Short bursts in one private chat pass; the FAQ says 'about one message per second'."""
PER_GROUP = 20
GROUP_WINDOW = 60.0
"""20 messages a minute in one group (Telegram's FAQ)."""
EARLY = 0.5
"""Tokens a message may come too early: its way here takes as long as it takes, a sender knows only when it left."""
CHATS_KEPT = 50_000
"""Chat buckets remembered per bot before full ones are forgotten."""


@dataclass(slots=True)
class Bucket:
    """A token bucket: ``rate`` tokens a second up to ``burst``."""

    rate: float
    burst: float
    level: float
    at: float

    def wait(self, now: float) -> float:
        """Seconds until one token is there; 0 means now."""
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        return 0.0 if self.level >= 1 - EARLY else (1 - self.level) / self.rate

    def take(self) -> None:
        """Spend one token."""
        self.level -= 1


@dataclass
class SendLimits:
    """The limits of one bot."""

    bot: Bucket | None = None
    chats: dict[int, Bucket] = field(default_factory=dict)
    groups: dict[int, deque[float]] = field(default_factory=dict)

    def wait(self, chat_id: int, now: float) -> float:
        """Seconds to wait before sending to the chat; at 0 the message is counted as sent."""
        if self.bot is None:
            self.bot = Bucket(PER_BOT, PER_BOT, PER_BOT, now)
        needed = max(self.bot.wait(now), self._chat_wait(chat_id, now))
        if needed <= 0:
            self.bot.take()
            self._count(chat_id, now)
        return needed

    def _chat_wait(self, chat_id: int, now: float) -> float:
        if chat_id > 0:
            if len(self.chats) > CHATS_KEPT:
                self.chats.clear()
            bucket = self.chats.setdefault(chat_id, Bucket(PER_CHAT, CHAT_BURST, CHAT_BURST, now))
            return bucket.wait(now)
        sent = self.groups.setdefault(chat_id, deque())
        while sent and sent[0] <= now - GROUP_WINDOW:
            sent.popleft()
        return 0.0 if len(sent) < PER_GROUP else sent[0] + GROUP_WINDOW - now

    def _count(self, chat_id: int, now: float) -> None:
        if chat_id > 0:
            self.chats[chat_id].take()
        else:
            self.groups[chat_id].append(now)
