"""Which updates may have killed a process, found out without a write per update in quiet times.

A drain that ends well removes its mark from the lane. Where the mark still stands, the last holder died, and every
update then in the lane is a suspect: a few are run one by one, each on record, many in batches on record first. An
update that was on record alone when its process died, twice, is given up. A single coincidence proves nothing: processes
are killed from outside as well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from redis import Redis

from services.messaging.updates.queued_update import QueuedUpdate
from services.platform.redis import keys
from services.queueing.greenlet_pool import GreenletPool

HELD = "held"  # field of the suspects' hash that stands for a drain at work
FEW = 64  # so many suspects are run one by one
ALONE = 2  # marks for a run alone
IN_BATCH = 1
POISON = 2 * ALONE  # marks at which an update is given up unread
ISOLATION_SECONDS = 5.0  # after so long suspects go on as usual: recovery must not take longer than the crash
ALONE_SECONDS = 0.5  # a slow handler holds up the others no longer than this


class SharedQuarantine:
    """What the drains of a process share: one suspect runs alone at a time, and marks that nobody died of prove nothing.

    Such a mark stays where Redis did not answer when it was to be taken back: `void` remembers it while the process lives.
    """

    def __init__(self) -> None:
        self.alone = threading.Lock()
        self.void: dict[str, int] = {}  # entry id -> marks


class CrashTracker:
    """The suspects of one lane, for the drain that holds it."""

    def __init__(self, redis: Redis, lane: int, shared: SharedQuarantine) -> None:
        self._redis = redis
        self._lane = lane
        self._isolation = shared
        self._last = (0, 0)
        self.few = True
        self.marks: dict[str, int] = {}

    def begin(self, token: str) -> None:
        """See whether the last holder died, and leave our own mark."""
        name = keys.update_suspects(self._lane)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(name)
            pipe.hset(name, HELD, token)
            pipe.xlen(keys.update_lane(self._lane))
            pipe.xrevrange(keys.update_lane(self._lane), count=1)
            found, _, size, newest = pipe.execute()
        if HELD in found and newest:
            self._last = _order(newest[0][0])
            self.few = size <= FEW
        self.marks = {entry: int(number) for entry, number in found.items() if entry != HELD}
        for entry in self.marks.keys() & self._isolation.void.keys():
            self.record([entry], -self._isolation.void[entry])
            self.marks[entry] -= self._isolation.void.pop(entry)

    def includes(self, entry_id: str) -> bool:
        """Whether this entry stood in the lane when the last holder died."""
        return self._last != (0, 0) and _order(entry_id) <= self._last

    def record(self, entry_ids: Iterable[str], marks: int) -> None:
        """Put on record that these are about to run, ALONE or IN_BATCH, or take that back (negative)."""
        with self._redis.pipeline(transaction=True) as pipe:
            for entry_id in entry_ids:
                pipe.hincrby(keys.update_suspects(self._lane), entry_id, marks)
            pipe.execute()

    @contextmanager
    def on_record(self, queued: QueuedUpdate) -> Iterator[None]:
        """Keep an update on record while it runs alone; settling it takes it off for good."""
        self._isolation.void[queued.entry_id] = ALONE
        self.record([queued.entry_id], ALONE)
        yield
        if not queued.settled:
            self.record([queued.entry_id], -ALONE)
        # Another stay of this process may have made it up meanwhile.
        self._isolation.void.pop(queued.entry_id, None)

    def hand_back(self) -> None:
        """The drain ends well with entries left: nobody died."""
        self._redis.hdel(keys.update_suspects(self._lane), HELD)


class Quarantine:
    """Runs the suspects of one lane on record: few of them one by one, many in batches."""

    def __init__(
        self,
        suspects: CrashTracker,
        pool: GreenletPool[QueuedUpdate],
        shared: SharedQuarantine,
        going: Callable[[], bool],
    ) -> None:
        self._suspects = suspects
        self._crew = pool
        self._isolation = shared
        self._going = going
        self._ends = 0.0

    def begin(self) -> None:
        """From now on suspects run apart, for ISOLATION_SECONDS; those that a process died of once, always."""
        self._ends = time.monotonic() + ISOLATION_SECONDS

    def hand_out(self, entries: Sequence[QueuedUpdate]) -> None:
        """Something killed the last holder: let few suspects run one by one, many in batches, on record."""
        if not self._suspects.few:
            self._suspects.record([w.entry_id for w in entries if not w.marks], IN_BATCH)
        for queued in entries:
            queued.suspected = True
            likely = queued.marks > 0 or self._suspects.few
            alone = queued.marks >= ALONE or (likely and time.monotonic() < self._ends)
            if alone and queued.marks < POISON:
                self._run_alone(queued)
            else:
                self._crew.add([queued])
        if not self._suspects.few and time.monotonic() < self._ends:
            self._let_run()

    def _run_alone(self, queued: QueuedUpdate) -> None:
        """No other suspect of this process runs meanwhile; what outlives its moment, or waits, has proved nothing."""
        with self._isolation.alone:
            self._let_run()
            with self._suspects.on_record(queued):
                self._crew.add([queued])
                self._let_run()

    def _let_run(self) -> None:
        """Give what was handed out a moment to be settled."""
        deadline = time.monotonic() + ALONE_SECONDS
        while self._going() and time.monotonic() < deadline and not self._crew.is_quiet:
            time.sleep(0.001)


def _order(entry_id: str) -> tuple[int, int]:
    moment, _, sequence = entry_id.partition("-")
    return int(moment), int(sequence)
