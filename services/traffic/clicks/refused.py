"""Clicks that a pool refused over its limit: counted per pool and hour, without a row each.

A process counts in its memory and adds that up in Redis twice a second; the flusher brings the sums to the database.
Sums only grow, so that bringing one twice changes nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from redis import Redis, RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import RedirectPool, RefusedClicks
from services.core.times import from_epoch, hour_of, utc_now
from services.platform.platform import Platform
from services.platform.redis import keys

KEPT: Final = timedelta(days=2)  # how long a sum stays in Redis: many times what a process may hold one back
HOUR_SECONDS: Final = 3600


class Refusals:
    """The refusals of one process that are not in Redis yet. A kill loses those of half a second."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, pool_id: int, at: float) -> None:
        """Count a click that `pool_id` refused at `at` (epoch seconds)."""
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
                    pipe.hincrby(keys.refused_clicks(), field, count)
                pipe.execute()
        except RedisError:
            with self._lock:
                self._counts.update(counts)
            raise


def fold_refused(platform: Platform) -> None:
    """Bring the sums to the database; one caller at a time. Raises RedisError or Unavailable."""
    sums = {
        _named(str(field)): int(count)
        for field, count in platform.redis.hgetall(keys.refused_clicks()).items()
    }
    if not sums:
        return
    with platform.database.transaction() as session:
        _store(session, sums)
    old = [f"{pool_id}:{int(hour.timestamp())}" for pool_id, hour in sums if hour < utc_now() - KEPT]
    if old:
        platform.redis.hdel(keys.refused_clicks(), *old)


def refused_since(session: Session, pool_id: int, begin: datetime) -> int:
    """Clicks that a pool refused since the hour that `begin` lies in."""
    query = select(func.sum(RefusedClicks.refused)).where(
        RefusedClicks.pool_id == pool_id, RefusedClicks.hour >= hour_of(begin)
    )
    return int(session.scalar(query) or 0)


def _named(field: str) -> tuple[int, datetime]:
    pool_id, _, hour = field.partition(":")
    return int(pool_id), from_epoch(int(hour))


def _store(session: Session, sums: Mapping[tuple[int, datetime], int]) -> None:
    pools = select(RedirectPool.id, RedirectPool.created_at)
    pools = pools.where(RedirectPool.id.in_({pool_id for pool_id, _ in sums})).order_by(RedirectPool.id)
    rows = session.execute(pools.with_for_update(read=True, key_share=True))
    first = {pool_id: hour_of(created_at) for pool_id, created_at in rows}
    for (pool_id, hour), count in sorted(sums.items()):
        if pool_id not in first or hour < first[pool_id]:  # of a deleted pool, be it of the same number
            continue
        known = session.get(RefusedClicks, (pool_id, hour))
        if known is None:
            session.add(RefusedClicks(pool_id=pool_id, hour=hour, refused=count))
        elif known.refused < count:
            known.refused = count
