"""Clicks that nothing would store, because Redis took no writes and the disk was full: counted, and told to their owners.

The visitor was sent on all the same. What is left is a number: `clicks_lost_total` at once, a line in the log at most once a
minute, and when Redis takes writes again a notification per pool and hour. A process that ends before forgets its count.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

from redis import Redis
from sqlalchemy import select

from models import RedirectPool
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.metrics import CLICKS_LOST
from services.core.times import hour_of, iso
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.hourly_counts import HourlyCounts, forget_old, read_sums
from services.traffic.clicks.pending import PendingClick

logger = logging.getLogger(__name__)
LOG_SECONDS: Final = 60.0  # thousands of lines a second would not make the disk emptier


class LostClicks:
    """The lost clicks of one process."""

    def __init__(self, redis: Redis) -> None:
        self._counts = HourlyCounts(redis, keys.unstored_clicks("lost"))
        self._lock = threading.Lock()
        self._unsaid = 0
        self._cause = ""
        self._said_at = float("-inf")

    def add(self, clicks: Sequence[PendingClick], cause: OSError) -> None:
        """Count these clicks, which the disk did not take for `cause`."""
        CLICKS_LOST.inc(len(clicks))
        for click in clicks:
            self._counts.add(click.pool_id, click.at)
        with self._lock:
            self._unsaid += len(clicks)
            self._cause = cause.strerror or type(cause).__name__
        if time.monotonic() - self._said_at >= LOG_SECONDS:
            self._say()

    def push(self) -> None:
        """Tell the flusher, now that Redis takes writes. Raises RedisError; then it is done the next time."""
        self._say()
        self._counts.push()

    def _say(self) -> None:
        with self._lock:
            unsaid, self._unsaid = self._unsaid, 0
            if not unsaid:
                return
            self._said_at = time.monotonic()
        extra = {"clicks": unsaid, "cause": self._cause}
        logger.error("clicks are lost: neither Redis nor the disk took them", extra=extra)


def fold_lost(platform: Platform) -> None:
    """Notify the owners of pools that lost clicks, once per pool and hour. Raises RedisError or Unavailable."""
    sums = read_sums(platform.redis, keys.unstored_clicks("lost"))
    if not sums:
        return
    with platform.database.transaction() as session:
        query = select(RedirectPool).where(RedirectPool.id.in_({pool_id for pool_id, _ in sums}))
        query = query.order_by(RedirectPool.id).with_for_update(read=True, key_share=True)
        pools = {pool.id: pool for pool in session.scalars(query)}
        for (pool_id, hour), count in sorted(sums.items()):
            pool = pools.get(pool_id)
            if pool is None or hour < hour_of(pool.created_at):  # of a deleted pool, be it of the same number
                continue
            params = {"pool": pool.name, "count": count, "hour": iso(hour)}
            key = f"{Kind.CLICKS_LOST}:{pool_id}:{int(hour.timestamp())}"
            notify(
                session,
                pool.account_id,
                Kind.CLICKS_LOST,
                Kind.CLICKS_LOST.level,
                key,
                params,
                pool_id=pool_id,
            )
    forget_old(platform.redis, keys.unstored_clicks("lost"), sums)
