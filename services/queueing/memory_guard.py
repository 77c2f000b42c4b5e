"""Room in Redis: what can wait elsewhere is turned away before memory ends, so that what was accepted can still be worked off.

A full Redis refuses every write that could need memory, leases, jobs and outbox entries among them. From LOW on the
administrators are told, and nothing is begun that a tenant can have as much of as it likes (idempotency keys, replay of
the spool). From FULL on updates wait at Telegram and clicks on disk, and those in Redis make room as they go.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from redis import Redis

from services.platform.redis.changes import WatchedMemory

LOW = 0.8  # of maxmemory: time to act
FULL = 0.9  # of maxmemory: what is left carries leases, jobs and the messages of updates already taken
CHECK_INTERVAL_SECONDS = 1.0
WATCHED_TICKS = 1.5  # how old may be what another part of the process saw, which looks once a second as well


@dataclass(frozen=True)
class Memory:
    """What Redis uses and may use at most, in bytes; `most` is 0 where it has no maxmemory."""

    used: int
    most: int

    @property
    def share(self) -> float:
        """The part that is used, 1 = all; 0 without a maxmemory."""
        return self.used / self.most if self.most else 0.0

    @property
    def is_low(self) -> bool:
        """Whether somebody should make room."""
        return self.share > LOW

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be taken."""
        return self.share > FULL


class MemoryGuard:
    """Whether Redis has room for more; asks it once a second at most, or sees what was `watched`. Without a maxmemory there
    always is.
    """

    def __init__(self, redis: Redis, watched: WatchedMemory | None = None) -> None:
        self._redis = redis
        self._watched = watched
        self._looked_at = float("-inf")
        self._memory = Memory(0, 0)

    def is_low(self) -> bool:
        """Whether what can be had at will should be refused. Raises RedisError."""
        return self._look().is_low

    def is_full(self) -> bool:
        """Whether everything that can wait elsewhere should. Raises RedisError."""
        return self._look().is_full

    def _look(self) -> Memory:
        seen = self._watched and self._watched.younger_than(WATCHED_TICKS * CHECK_INTERVAL_SECONDS)
        if seen:
            return memory_in(seen)
        now = time.monotonic()
        if now - self._looked_at >= CHECK_INTERVAL_SECONDS:
            self._looked_at = now
            self._memory = memory_in(self._redis.info("memory"))
        return self._memory


def memory_in(info: dict[str, Any]) -> Memory:
    """Of the answer to INFO memory."""
    return Memory(int(info["used_memory"]), int(info.get("maxmemory", 0)))
