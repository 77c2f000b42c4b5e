"""How many lanes (or shards) a process keeps while others that could serve them have none.

Whoever is free takes what rings, and stays for as long as there is traffic: the process that was there first would hold all
lanes, and a second one, started to help, none. So each looks now and then how many serve its queue, passes on what rings
beyond its part, and hands back what it holds beyond it; the worker that has been idle for longest takes it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final

from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue, waiting_jobs, wake
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.leases import is_held
from services.platform.redis.process_identity import is_dead
from services.queueing.heartbeats import Process, process_name, processes

SETTLED_SECONDS: Final = (
    15.0  # a lane stays where it came to: its new holder has to try what killed the former one
)
ASKED_SECONDS: Final = 1.0  # a wish stands no longer: what has something slow at work goes on

IN_A_ROW_SECONDS: Final = 5.0  # a stream that rings again so soon was taken by nobody it was passed on to


class FairShare:
    """What one process holds of `streams` lanes or shards, by their leases. Thread-safe."""

    def __init__(
        self, streams: int, settled: float = SETTLED_SECONDS, patience: float = ASKED_SECONDS
    ) -> None:
        self._streams, self._settled, self._patience = streams, settled, patience
        self._lock = threading.Lock()
        self._held: list[HeldLease] = []  # for the longest time first
        self._taken = 0  # what is held, and what is about to be
        self._workers, self._others = 0, dict[str, int]()
        # Stream -> how often in a row, and when last (monotonic).
        self._passed_on: dict[int, tuple[int, float]] = {}

    @contextmanager
    def place(self, stream: int) -> Iterator[bool]:
        """Whether this process should take the stream, which counts as taken meanwhile. False when that would be more than its
        part, so that others are to be rung for; not more often than it has workers: then nobody else is free.
        """
        with self._lock:
            passed_on = self._times_passed_on(stream)
            takes = self._taken < self._part() or passed_on >= self._workers
            self._taken += takes
            self._passed_on[stream] = 0 if takes else passed_on + 1, time.monotonic()
        try:
            yield takes
        finally:
            with self._lock:
                self._taken -= takes

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

    def weigh(self, mine: int, others: Mapping[str, int], waiting: int) -> None:
        """So many workers of this process serve the queue, and of others by their identity; so many of its jobs wait for a
        free worker.
        """
        with self._lock:
            self._workers, self._others = mine, {name: number for name, number in others.items() if number}
            surplus = max(len(self._held) - self._part(), waiting)
            for lease in self._held:
                if surplus > 0 and (lease.wanted_back or self._ask(lease)):
                    surplus -= 1

    def _times_passed_on(self, stream: int) -> int:
        times, last = self._passed_on.get(stream, (0, 0.0))
        return times if time.monotonic() - last < IN_A_ROW_SECONDS else 0

    def _part(self) -> float:
        """How many of the streams are this process's, all there are while it is alone. Who died since the last look has none."""
        others = sum(number for process, number in self._others.items() if not is_dead(process))
        if not others:
            return math.inf
        return max(
            math.ceil(self._streams * self._workers / (self._workers + others)), self._streams - others
        )

    def _ask(self, lease: HeldLease) -> bool:
        return lease.ask_back(settled=self._settled, patience=self._patience)


@contextmanager
def taking(
    platform: Platform, share: FairShare, kind: str, number: int, job: JobName
) -> Iterator[HeldLease | None]:
    """The lease of a "lane" or an "outbox" for one stay, whose bell is `job`. None when another process has it, or should: then
    the bell rings again, for whoever waits next. Raises RedisError.
    """
    ring = partial(wake, platform.redis, platform.job_redis, job, kind, number, anew=True)
    with share.place(number) as takes:
        held = platform.leases.take(f"{kind}:{number}", on_late_return=ring) if takes else None
        if held is not None:
            try:
                with share.holding(held):
                    yield held
            finally:
                held.release()
            return
        if takes or is_held(platform.redis, f"{kind}:{number}"):
            # It may be a dead man's: let the reconciler ring as soon as his lease has run out.
            platform.redis.delete(keys.wakeup(kind, number))
        else:
            enqueue(platform.job_redis, job, number)
        yield None


def share_out(platform: Platform, shares: Mapping[JobQueue, FairShare]) -> None:
    """Look who serves each queue and what waits in it. Raises RedisError."""
    own, alive = process_name("worker"), [each for each in processes(platform) if each.is_alive]
    for queue, share in shares.items():
        workers = [(each, _workers(each, queue)) for each in alive]
        mine = sum(number for each, number in workers if each.name == own)
        if not mine:  # it has not beaten yet, or is ending
            continue
        others = Counter[str]()  # those that cannot be identified count together
        for each, number in workers:
            others[each.identity] += number if each.name != own else 0
        serving = sum(number > 0 for _, number in workers)
        share.weigh(mine, others, math.ceil(waiting_jobs(platform.redis, queue) / serving))


def _workers(process: Process, queue: JobQueue) -> int:
    """How many workers serve the queue there; none as far as a former release tells, or one that is ending."""
    queues = process.figures.get("queues")
    number = queues.get(str(queue)) if isinstance(queues, dict) else None
    return number if isinstance(number, int) else 0
