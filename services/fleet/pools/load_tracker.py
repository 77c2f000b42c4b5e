"""Loads for least_connections: redirects of the last five minutes and active chats, of all processes.

Redis holds redirects in buckets of ten seconds. A process sums them up once a second for the pools it serves and
adds its own clicks in between, so that choosing costs no round trip. How far who is behind may catch up is kept per process:
every process keeps the bound, so all of them together do.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from redis import RedisError

from models import Strategy
from services.fleet.pools.model import PoolSnapshot
from services.fleet.pools.pool_cache import PoolCache
from services.fleet.pools.strategies import WINDOW_SECONDS, Balance, Candidate, allowance_after
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
BUCKET_SECONDS = 10
REFRESH_SECONDS = 1.0


def bucket_of(now: float) -> int:
    """The number of the ten seconds that `now` (epoch seconds) lies in."""
    return int(now) // BUCKET_SECONDS


class LoadTracker:
    """Load per member of the pools with least_connections; `start` keeps it fresh.

    No cache: loads change with every click and nobody announces them, so it asks once a second.
    """

    def __init__(self, platform: Platform, pools: PoolCache) -> None:
        self._redis = platform.redis
        self._pools = pools
        self._loads: dict[int, dict[int, float]] = {}
        self._allowances: dict[int, dict[int, float]] = {}
        self._stopped = threading.Event()

    def of(self, pool: PoolSnapshot) -> Balance:
        """Load by bot id, and what this process may give; a bot without one is missing."""
        return Balance(self._loads.get(pool.id, {}), self._allowances.get(pool.id, {}))

    def count(self, pool_id: int, candidates: Sequence[Candidate], bot_id: int) -> None:
        """A click of this process that the next refresh will find in Redis, chosen among `candidates`."""
        loads = self._loads.setdefault(pool_id, {})
        loads[bot_id] = loads.get(bot_id, 0.0) + 1
        self._allowances[pool_id] = allowance_after(candidates, self._allowances.get(pool_id, {}), bot_id)

    def start(self) -> None:
        """Refresh once a second from now on, in a thread of its own."""
        threading.Thread(target=self._refresh_for_ever, daemon=True, name="loads").start()

    def stop(self) -> None:
        """End the thread within about a second."""
        self._stopped.set()

    def refresh(self, now: float) -> None:
        """Sum up the window of every pool that needs it; one round trip for all."""
        pools = [pool for pool in self._pools.pools() if pool.strategy is Strategy.LEAST_CONNECTIONS]
        if not pools:
            return
        buckets = range(bucket_of(now - WINDOW_SECONDS) + 1, bucket_of(now) + 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for pool in pools:
                for bucket in buckets:
                    pipe.hgetall(keys.member_load(pool.id, bucket))
                for member in pool.members:
                    pipe.zcount(keys.active_chats(member.bot_id), now - WINDOW_SECONDS, "+inf")
            answers = iter(pipe.execute())
        fresh: dict[int, dict[int, float]] = {}
        for pool in pools:
            loads = fresh.setdefault(pool.id, {})
            for _ in buckets:
                for bot_id, count in next(answers).items():
                    loads[int(bot_id)] = loads.get(int(bot_id), 0.0) + int(count)
            for member in pool.members:
                loads[member.bot_id] = loads.get(member.bot_id, 0.0) + next(answers)
        self._loads = fresh

    def _refresh_for_ever(self) -> None:
        while not self._stopped.wait(REFRESH_SECONDS):
            try:
                self.refresh(time.time())
            except RedisError:
                logger.debug("loads not refreshed; going on with the last ones")
