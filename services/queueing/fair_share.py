"""How many lanes (or shards) a process keeps while others that could serve them have none.

Whoever is free takes what rings, and stays for as long as there is traffic: the process that was there first would hold all
lanes, and a second one, started to help, none. So each looks now and then how many serve its queue, and hands back what is
more than its part; the worker that has been idle for longest takes it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from services.platform.platform import Platform
from services.platform.redis.jobs import JobQueue, waiting_jobs
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.heartbeats import processes


class FairShare:
    """What one process holds of `streams` lanes or shards, by their leases. Thread-safe."""

    def __init__(self, streams: int) -> None:
        self._streams = streams
        self._lock = threading.Lock()
        self._held: list[HeldLease] = []  # for the longest time first

    @contextmanager
    def holding(self, lease: HeldLease) -> Iterator[None]:
        """The process holds this one meanwhile, and it is wanted back when that is more than its part."""
        with self._lock:
            self._held.append(lease)
        try:
            yield
        finally:
            with self._lock:
                self._held.remove(lease)

    def weigh(self, serving: int, waiting: int) -> None:
        """So many processes serve the queue, this one included, and so many of its jobs wait for a free worker."""
        part = math.ceil(self._streams / max(1, serving))
        with self._lock:
            surplus = max(len(self._held) - part, waiting)
            for lease in self._held[: max(0, surplus)]:
                lease.wanted_back = True


def weigh(platform: Platform, shares: Mapping[JobQueue, FairShare]) -> None:
    """Look who serves each queue and what waits in it. Raises RedisError."""
    alive = [process for process in processes(platform) if process.is_alive]
    for queue, share in shares.items():
        serving = sum(bool(process.figures.get("queues", {}).get(str(queue))) for process in alive)
        share.weigh(serving, waiting_jobs(platform.redis, queue))
