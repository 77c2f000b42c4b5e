"""How fast a bot may send. Pure: time comes in as seconds on any steady clock.

One process sends for a bot at a time (the shard's lease), so these buckets are the bot's only ones; the next one begins
with what `services/messaging/outbox/send_history.py` tells.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from services.core.settings import Settings

GROUP_WINDOW_SECONDS = 60.0
PAID_PER_SECOND = (
    1000.0  # Bot API, allow_paid_broadcast: what goes beyond the free limit is paid for, up to so many
)
MARGIN_SECONDS = 0.02  # Telegram counts on arrival, which is not exactly when we counted
CHATS_KEPT = 100_000  # older ones are full again


@dataclass(frozen=True)
class Limits:
    """Messages a second per bot and per private chat (with a burst), and a minute per group."""

    bot_per_second: float
    chat_per_second: float
    chat_burst: int
    group_per_minute: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The configured limits."""
        return cls(
            settings.pacing_bot_per_second,
            settings.pacing_chat_per_second,
            settings.pacing_chat_burst,
            settings.pacing_group_per_minute,
        )

    def memory_seconds(self, chat: str) -> float:
        """How long a message to the chat counts: until it left the group's window, or refilled both buckets."""
        if is_group(chat):
            return GROUP_WINDOW_SECONDS
        return max(1.0, self.chat_burst / self.chat_per_second)


def is_group(chat: str) -> bool:
    """Whether the chat is a group or channel."""
    return chat.startswith(("-", "@"))


class Bucket:
    """A token bucket of `rate` a second up to `burst`, full at first."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._level = self._burst
        self._at = now

    def ready_at(self, now: float) -> float:
        """The moment from which one message may go; `now` when it may at once."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        return now if self._level >= 1.0 else now + (1.0 - self._level) / self._rate + MARGIN_SECONDS

    def take(self) -> None:
        """Count one message."""
        self._level -= 1.0


class Window:
    """At most `most` messages in any minute, for groups."""

    __slots__ = ("_most", "_now", "_sent")

    def __init__(self, most: float) -> None:
        self._most = max(1, int(most))
        self._sent: deque[float] = deque()
        self._now = 0.0

    def ready_at(self, now: float) -> float:
        """The moment from which one message may go; `now` when it may at once."""
        while self._sent and self._sent[0] <= now - GROUP_WINDOW_SECONDS:
            self._sent.popleft()
        self._now = now
        return now if len(self._sent) < self._most else self._sent[0] + GROUP_WINDOW_SECONDS + MARGIN_SECONDS

    def take(self) -> None:
        """Count one message."""
        self._sent.append(self._now)

    def absorb(self, other: Window) -> None:
        """Count also what `other` has counted."""
        self._sent = deque(sorted((*self._sent, *other._sent)))


class Pacing:
    """The buckets of all bots that one holder sends for."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bots: dict[int, Bucket] = {}
        self._paid: dict[int, Bucket] = {}  # of messages that may go beyond the free limit, for Stars
        self._chats: OrderedDict[tuple[int, str], Bucket | Window] = OrderedDict()

    def chat_ready_at(self, bot_id: int, chat: str, now: float) -> float:
        """The moment from which the chat may get a message."""
        return self._chat(bot_id, chat, now).ready_at(now)

    def bot_ready_at(self, bot_id: int, now: float) -> float:
        """The moment from which the bot may send a message."""
        return self._bot(bot_id, now).ready_at(now)

    def paid_ready_at(self, bot_id: int, now: float) -> float:
        """The same for a message that its owner pays for where it goes beyond the free limit."""
        return self._paid_bucket(bot_id, now).ready_at(now)

    def take(self, bot_id: int, chat: str, now: float, *, is_paid: bool = False) -> None:
        """Count a message that goes at `now`: both moments above are found to be that, or it went all the same."""
        of_bot = self._paid_bucket(bot_id, now) if is_paid else self._bot(bot_id, now)
        for bucket in (of_bot, self._chat(bot_id, chat, now)):
            bucket.ready_at(now)
            bucket.take()

    def join(self, bot_id: int, former: str, present: str, now: float) -> None:
        """Let both ids of a group that was upgraded fill one window."""
        one, other = self._chat(bot_id, former, now), self._chat(bot_id, present, now)
        if one is not other and isinstance(one, Window) and isinstance(other, Window):
            one.absorb(other)
            self._chats[bot_id, present] = one

    def _bot(self, bot_id: int, now: float) -> Bucket:
        bucket = self._bots.get(bot_id)
        if bucket is None:
            rate = self._limits.bot_per_second
            bucket = self._bots[bot_id] = Bucket(rate, rate, now)
        return bucket

    def _paid_bucket(self, bot_id: int, now: float) -> Bucket:
        if bot_id not in self._paid:
            self._paid[bot_id] = Bucket(PAID_PER_SECOND, self._limits.bot_per_second, now)
        return self._paid[bot_id]

    def _chat(self, bot_id: int, chat: str, now: float) -> Bucket | Window:
        name = (bot_id, chat)
        bucket = self._chats.get(name)
        if bucket is None:
            bucket = self._fresh(chat, now)
            self._chats[name] = bucket
            if len(self._chats) > CHATS_KEPT:
                self._chats.popitem(last=False)
        else:
            self._chats.move_to_end(name)
        return bucket

    def _fresh(self, chat: str, now: float) -> Bucket | Window:
        if is_group(chat):
            return Window(self._limits.group_per_minute)
        return Bucket(self._limits.chat_per_second, self._limits.chat_burst, now)
