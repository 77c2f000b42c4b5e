"""Room in Redis: intake ends before memory does, so that what was accepted can still be worked off.

A full Redis refuses every write that could need memory, leases, jobs and outbox entries among them. Updates are
therefore turned away a little earlier, and those in the lanes make room as they go.
"""

from __future__ import annotations

import time

from redis import Redis

FULL = 0.9  # of maxmemory: what is left carries leases, jobs and the messages of updates already taken


class MemoryGuard:
    """Whether Redis has room for more updates; asks it once in `interval` seconds. Without a maxmemory there always is."""

    def __init__(self, redis: Redis, *, interval: float) -> None:
        self._redis = redis
        self._interval = interval
        self._looked_at = float("-inf")
        self._is_full = False

    def is_full(self) -> bool:
        """Raises RedisError."""
        now = time.monotonic()
        if now - self._looked_at >= self._interval:
            self._looked_at = now
            memory = self._redis.info("memory")
            most = int(memory.get("maxmemory", 0))
            self._is_full = bool(most) and int(memory["used_memory"]) > most * FULL
        return self._is_full
