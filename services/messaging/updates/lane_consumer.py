"""Working off one lane: read ahead, handle chats side by side and each in order, settle in batches.

Whoever holds the lane's lease reads its stream from the beginning: an entry stands there until its effects are in,
so whatever a dead holder left is simply read again. One greenlet reads (`LaneReader`), some handle (`LaneWorker`), one
commits (`EffectsWriter`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from redis import RedisError

from services.core.resting import answering
from services.messaging.updates.crash_tracker import CrashTracker
from services.messaging.updates.effects import Committer
from services.messaging.updates.lane_reader import LaneReader
from services.messaging.updates.lane_worker import LaneWorker
from services.messaging.updates.quarantine import Quarantine
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.shared_quarantine import SharedQuarantine
from services.messaging.updates.timings import UpdateTimings
from services.messaging.updates.trials import Trials
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue, waiting_jobs
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.shared_reads import SharedReads
from services.queueing.stay import Stay

READ_AHEAD = 4096  # updates in memory per lane, so that a bot's backlog does not hide the others behind it
FULL_POLL_SECONDS = 0.02  # between looks for room in memory


@dataclass(frozen=True)
class LaneProcess:
    """What the consumers of one process share."""

    platform: Platform
    processor: UpdateProcessor
    quarantine: SharedQuarantine
    reads: SharedReads
    stopping: threading.Event
    timings: UpdateTimings


class LaneConsumer:
    """One stay in one lane, from taking its lease to leaving it. Use once: `LaneConsumer(…).run()`."""

    def __init__(self, process: LaneProcess, held: HeldLease, lane: int) -> None:
        platform, timings, shared = process.platform, process.timings, process.quarantine
        self._platform = platform
        self._lease = held
        self._lane = lane
        self._stopping = process.stopping
        self._timings = timings
        self._committer = Committer(platform, lane, held.lease.token)
        self._crashes = CrashTracker(platform.redis, lane, held, shared.stays)
        self._shared = shared
        self._trials = Trials(self._crashes, shared, timings)
        self._worker = LaneWorker(
            platform,
            process.processor,
            held,
            lane,
            self._committer,
            self._trials,
            timings,
            lambda: self._takes,
        )
        self._pool = self._worker.pool
        self._isolating = False  # suspects are handed out one by one
        self._stay = Stay(held, timings.max_stay)
        self._has_begun = False
        self._leaving = False  # nothing is taken up any more, whatever becomes of a wish for the lease
        self._quarantine = Quarantine(self._crashes, self._pool, shared, lambda: self._running, timings)
        self._reader = LaneReader(platform, lane, self._crashes, timings, process.reads, self._pool.size_of)

    def run(self) -> None:
        """Drain until the lane stays empty, the process stops, or the lease is lost. RedisError ends it too."""
        left = False
        with self._shared.includes(self._pool):  # also while what runs is waited for in the end
            try:
                self._begin()
                left = self._read_for_ever()
            finally:
                self._leaving = True  # what is taken up from here on would be written by nobody
                self._worker.end(self._timings.shutdown_timeout if self._lease.alive else 0.0)
                if not left and self._lease.alive:
                    self._hand_back()

    @property
    def _running(self) -> bool:
        return self._lease.alive and not self._stopping.is_set()

    @property
    def _takes(self) -> bool:
        wanted = self._stay.wanted_back and not self._isolating
        return self._shared.is_open and self._running and not self._leaving and not wanted

    def _begin(self) -> None:
        """Take note of what the last holder left, and let the doorbell ring again for whoever comes next."""
        self._platform.redis.delete(keys.wakeup("lane", self._lane))
        self._reader.begin()
        self._crashes.begin()
        self._has_begun = True
        self._quarantine.begin()
        self._trials.begin()

    def _read_for_ever(self) -> bool:
        """Read and hand out; True when the lane was left empty, False when it is to be handed back."""
        quiet_since = time.monotonic()
        while self._running:
            now, wanted = time.monotonic(), self._stay.wanted_back
            if wanted and not self._pool.running:
                self._leaving = True
                return False  # what only waits is read again by the next stay
            if wanted or len(self._pool) >= READ_AHEAD:
                self._reader.refuse_more()
                time.sleep(FULL_POLL_SECONDS)
            elif self._read() or len(self._pool):
                quiet_since = time.monotonic()
            elif now - quiet_since >= self._timings.idle_timeout or self._others_wait():
                if self._committer.leave():
                    return True
                quiet_since = now
                self._reader.read_again()
            self._pool.wake()
        return False

    def _read(self) -> int:
        """How many updates were read and handed out; -1 while Redis is away."""
        entries = self._reader.read()
        if entries is None:
            return -1
        if entries:
            answering.note()
            self._worker.judge(entries)
            if self._crashes.includes(entries[0].entry_id):
                self._isolate(entries)
            else:
                self._pool.add(entries)
        return len(entries)

    def _isolate(self, entries: Sequence[QueuedUpdate]) -> None:
        self._isolating = True
        try:
            self._quarantine.hand_out(entries)
        finally:
            self._isolating = False

    def _others_wait(self) -> bool:
        """Whether lanes wait for a free worker, as happens with fewer workers than lanes."""
        settings = self._platform.settings
        crowded = settings.inbound_workers < settings.update_lanes
        return crowded and waiting_jobs(self._platform.redis, JobQueue.UPDATES) > 0

    def _hand_back(self) -> None:
        """Leave the lane with entries in it to whoever takes it next; without Redis the reconciler rings."""
        with suppress(RedisError):
            # A stay that could not begin leaves the token: it is the last holder's, who may have died.
            if self._has_begun and not self._pool.running:
                self._crashes.hand_back()
            self._lease.release()
            if self._platform.redis.xlen(keys.update_lane(self._lane)):
                enqueue(self._platform.job_redis, JobName.DRAIN_LANE, self._lane)
