"""Running suspects apart: few of them one by one, many in batches, each on record while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from services.messaging.updates.crash_tracker import ACCUSED, ALONE, IN_BATCH, CrashTracker
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.shared_quarantine import SharedQuarantine
from services.messaging.updates.timings import UpdateTimings
from services.messaging.updates.trials import ALONE_SECONDS
from services.queueing.greenlet_pool import GreenletPool


class Quarantine:
    """Hands the suspects of one lane to the pool. What a process died of while it ran alone always does so; others for a while."""

    def __init__(
        self,
        crashes: CrashTracker,
        pool: GreenletPool[QueuedUpdate],
        shared: SharedQuarantine,
        going: Callable[[], bool],
        timings: UpdateTimings,
    ) -> None:
        self._crashes = crashes
        self._pool = pool
        self._shared = shared
        self._going = going
        self._seconds = timings.isolation
        self._ends_at = 0.0  # on the monotonic clock

    def begin(self) -> None:
        """From now on suspects run apart, for `timings.isolation` seconds."""
        self._ends_at = time.monotonic() + self._seconds

    def hand_out(self, entries: Sequence[QueuedUpdate]) -> None:
        """Run entries that were in the lane when a holder died. Raises RedisError."""
        if not self._crashes.few:  # once each: else all of a backlog would run alone after two deaths
            self._crashes.record([each.entry_id for each in entries if not each.marks], IN_BATCH)
        for queued in entries:
            queued.suspected = True
            if self._runs_alone(queued):
                self._run_alone(queued)
            else:
                self._pool.add([queued])
        if not self._crashes.few and self._is_open:
            self._let_run()

    @property
    def _is_open(self) -> bool:
        return time.monotonic() < self._ends_at

    def _runs_alone(self, queued: QueuedUpdate) -> bool:
        if queued.marks >= ACCUSED:
            return False  # a trial is held for it later, or it is given up
        likely = queued.marks > 0 or self._crashes.few
        return queued.marks >= ALONE or (likely and self._is_open)

    def _run_alone(self, queued: QueuedUpdate) -> None:
        """No other suspect of this process runs meanwhile. What outlives its moment remains on record, though as one of many;
        what waits has proved nothing.
        """
        with self._shared.alone:
            self._let_run()
            with self._crashes.on_record(queued):
                queued.alone = True
                self._pool.add([queued])
                self._let_run()
                if self._pool.runs(queued):
                    self._crashes.keep(queued)

    def _let_run(self) -> None:
        """Give what was handed out a moment to be settled."""
        deadline = time.monotonic() + ALONE_SECONDS
        while self._going() and time.monotonic() < deadline and not self._pool.is_quiet:
            time.sleep(0.001)
