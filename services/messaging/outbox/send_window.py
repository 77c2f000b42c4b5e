"""How many messages of a process may be on their way to Telegram, or sent and not settled, at one moment.

Whoever takes over from a process that was killed sends those again: nobody knows of them that they were sent. They are the
more, the more of them come back at once, for each is settled when all others had their turn. So the next one leaves when one
is settled. A Bot API that takes its time costs no turns: what waits for it for long is not counted, else it would hold up
all bots.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Final

from services.messaging.outbox.outgoing import OutboxMessage

AT_ONCE: Final = 32  # fewer cost throughput: what is settled together becomes less (ADR 68)
SLOW_SECONDS: Final = 0.02  # an answer that takes longer is waited for beside others


class SendWindow:
    """One for a process. Thread-safe; messages are known by any number that is theirs alone."""

    def __init__(self, most: int = AT_ONCE, slow: float = SLOW_SECONDS) -> None:
        self._most = most
        self._slow = slow
        self._changed = threading.Condition(threading.Lock())
        self._departed: dict[int, float] = {}  # message -> when, the oldest first
        self._answered: set[int] = set()

    def enter(self, message: int) -> None:
        """Wait until there is room, and take it."""
        with self._changed:
            while (patience := self._patience()) is not None:
                self._changed.wait(patience)
            self._departed[message] = time.monotonic()

    def answered(self, message: int) -> None:
        """Telegram has it; it is to be settled."""
        with self._changed:
            self._departed.pop(message, None)
            self._answered.add(message)

    def leave(self, message: int) -> None:
        """It is settled, or was not sent. A message that is not in the window changes nothing."""
        with self._changed:
            self._departed.pop(message, None)
            self._answered.discard(message)
            self._changed.notify()

    def _patience(self) -> float | None:
        """None where there is room; else seconds until the oldest that is on its way counts no more."""
        ends = time.monotonic() - self._slow
        while self._departed:
            oldest = next(iter(self._departed))
            if self._departed[oldest] > ends:
                break
            del self._departed[oldest]
        if len(self._departed) + len(self._answered) < self._most:
            return None
        moments = iter(self._departed.values())
        return max(0.001, next(moments, ends + 2 * self._slow) - ends)


class ShardSends:
    """Of one shard: which of its messages are in the window of its process."""

    def __init__(self, window: SendWindow) -> None:
        self._window = window
        self._inside: set[int] = set()

    def enter(self, message: OutboxMessage) -> None:
        """Wait until there is room for it to be sent."""
        self._window.enter(id(message))
        self._inside.add(id(message))

    def answered(self, message: OutboxMessage) -> None:
        """Telegram has it; it is to be settled."""
        self._window.answered(id(message))

    def leave(self, messages: Iterable[OutboxMessage]) -> None:
        """They are settled, or were put off."""
        for message in messages:
            self._inside.discard(id(message))
            self._window.leave(id(message))

    def end(self) -> None:
        """The shard is left: what was not settled by then is somebody else's."""
        while self._inside:
            self._window.leave(self._inside.pop())
