"""Counting clicks that have no row of their own, per pool and hour.

A process counts in its memory and adds that up in Redis twice a second; the flusher takes the sums from there. Sums only
grow, so that taking one twice changes nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from redis import Redis, RedisError

from services.core.times import from_epoch, utc_now

KEPT: Final = timedelta(days=2)  # how long a sum stays in Redis: many times what a process may hold one back
HOUR_SECONDS: Final = 3600
PoolHour = tuple[int, datetime]


class HourlyCounts:
    """The counts of one process that are not in Redis' hash `key` yet. A kill loses those of half a second."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, pool_id: int, at: float) -> None:
        """Count a click to `pool_id` at `at` (epoch seconds)."""
        with self._lock:
            self._counts[f"{pool_id}:{int(at) // HOUR_SECONDS * HOUR_SECONDS}"] += 1

    def push(self) -> None:
        """Add what was counted to the sums of all processes. Raises RedisError; then it is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            with self._redis.pipeline(transaction=True) as pipe:
                for field, count in counts.items():
                    pipe.hincrby(self._key, field, count)
                pipe.execute()
        except RedisError:
            with self._lock:
                self._counts.update(counts)
            raise


def read_sums(redis: Redis, key: str) -> dict[PoolHour, int]:
    """The sums of all processes. Raises RedisError."""
    return {_named(str(field)): int(count) for field, count in redis.hgetall(key).items()}


def forget_old(redis: Redis, key: str, known: Iterable[PoolHour]) -> None:
    """Delete those of the `known` sums that no process will add to any more. Raises RedisError."""
    old = [f"{pool_id}:{int(hour.timestamp())}" for pool_id, hour in known if hour < utc_now() - KEPT]
    if old:
        redis.hdel(key, *old)


def _named(field: str) -> PoolHour:
    pool_id, _, hour = field.partition(":")
    return int(pool_id), from_epoch(int(hour))
