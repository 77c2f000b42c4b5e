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
from typing import Final

from services.platform.platform import Platform
from services.platform.redis.jobs import JobQueue, waiting_jobs
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.heartbeats import Process, process_name, processes

SETTLED_SECONDS: Final = (
    15.0  # a lane stays where it came to: its new holder has to try what killed the former one
)
ASKED_SECONDS: Final = 1.0  # a wish stands no longer: what has something slow at work goes on


class FairShare:
    """What one process holds of `streams` lanes or shards, by their leases. Thread-safe."""

    def __init__(
        self, streams: int, settled: float = SETTLED_SECONDS, patience: float = ASKED_SECONDS
    ) -> None:
        self._streams, self._settled, self._patience = streams, settled, patience
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

    def weigh(self, mine: int, others: int, waiting: int) -> None:
        """So many workers of this process serve the queue and of others; so many of its jobs wait for a free worker."""
        with self._lock:
            keeps = max(math.ceil(self._streams * mine / max(1, mine + others)), self._streams - others)
            surplus = max(len(self._held) - keeps, waiting)
            for lease in self._held:
                if surplus > 0 and (lease.wanted_back or self._ask(lease)):
                    surplus -= 1

    def _ask(self, lease: HeldLease) -> bool:
        return lease.ask_back(settled=self._settled, patience=self._patience)


def share_out(platform: Platform, shares: Mapping[JobQueue, FairShare]) -> None:
    """Look who serves each queue and what waits in it. Raises RedisError."""
    own, alive = process_name("worker"), [each for each in processes(platform) if each.is_alive]
    for queue, share in shares.items():
        workers = {each.name: _workers(each, queue) for each in alive}
        mine = workers.pop(own, 0)
        if not mine:  # it has not beaten yet, or is ending
            continue
        serving = sum(number > 0 for number in workers.values()) + 1
        share.weigh(mine, sum(workers.values()), math.ceil(waiting_jobs(platform.redis, queue) / serving))


def _workers(process: Process, queue: JobQueue) -> int:
    """How many workers serve the queue there; none as far as a former release tells, or one that is ending."""
    queues = process.figures.get("queues")
    number = queues.get(str(queue)) if isinstance(queues, dict) else None
    return number if isinstance(number, int) else 0
