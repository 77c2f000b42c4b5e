"""Single file for the work of a bot with a backlog while other bots are at work, so that these find the loop free.

It is the gate of the lanes' fair queues: what waits for its turn occupies nobody. Moments are on the monotonic clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic

from services.queueing.bot_queue import Item, Wait

INTERVAL_SECONDS = 0.004  # 250 updates a second of one bot: eight times what Telegram lets it send
PAUSE_SECONDS = (
    0.0005  # at the least, more than zero: only then does the loop look for what came in meanwhile
)
LATELY_SECONDS = 1.0  # for so long after a bot was served another is likely to come


class BotThrottle:
    """Shared by all lanes of a process; each bot has a file of its own, so that many backlogs together lose nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at: dict[int, float] = {}  # by bot with a backlog
        self._last = self._before = (0, float("-inf"))  # the last bots without one, and when they were served

    def serve(self, bot_id: int, now: float) -> None:
        """Something of a bot that has no backlog begins, or something that somebody waits for at once."""
        with self._lock:
            if bot_id != self._last[0]:
                self._before = self._last
            self._last = (bot_id, now)

    def is_free(self, bot_id: int, now: float) -> bool:
        """Whether nobody would notice the bot's backlog: other bots have none themselves, or nothing to do."""
        _, served = self._last if self._last[0] != bot_id else self._before
        return now - served > LATELY_SECONDS

    def next_turn(self, bot_id: int, now: float) -> float:
        """Take the bot's next turn; when it is."""
        with self._lock:
            turn = max(now + PAUSE_SECONDS, self._free_at.get(bot_id, 0.0))
            self._free_at[bot_id] = turn + INTERVAL_SECONDS
        return turn


class BacklogGate(Generic[Item]):
    """The gate of one lane's queue, called under its lock. `is_backlog` says of an item whether it is one of too many."""

    def __init__(self, throttle: BotThrottle, is_backlog: Callable[[Item], bool]) -> None:
        self._throttle = throttle
        self._is_backlog = is_backlog
        self._turns: dict[int, float] = {}  # by bot, taken and waited for

    def __call__(self, item: Item, now: float) -> Wait | None:
        """None when the item may begin, else until when its bot's backlog waits."""
        if not self._is_backlog(item):
            self._throttle.serve(item.bot_id, now)
            return None
        turn = self._turns.pop(item.bot_id, None)
        if self._throttle.is_free(item.bot_id, now):
            return None
        if turn is None:
            turn = self._throttle.next_turn(item.bot_id, now)
        if turn <= now:
            return None
        self._turns[item.bot_id] = turn
        return Wait(turn, whole_bot=True)
