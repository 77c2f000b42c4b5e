"""The trial of an update that two processes died of: after a calm while, on record, and while nothing else begins.

Two deaths with the same update on record may be a coincidence: whoever kills workers again and again meets what they take
up first each time. So they prove nothing yet. What is accused waits until its process has lived for a while, which it does
not under such kills, and meanwhile its chat alone stands still. A death that something else may have caused, which did not
end in time or began when the trial lasted too long, counts half; the next trial then waits longer and lasts longer.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.core.errors import Unavailable
from services.messaging.updates.crash_tracker import ACCUSED, ALONE, IN_BATCH, POISON, CrashTracker
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.shared_quarantine import SharedQuarantine
from services.messaging.updates.timings import UpdateTimings

logger = logging.getLogger(__name__)
ALONE_SECONDS = 0.5  # a slow handler holds up the others no longer than this
# So long the others may take to end what they are at; a slow handler goes on beside the trial.
QUIET_SECONDS = 1.0
# So long they wait, and are waited for, once a trial proved nothing: nearly all handlers end in less.
AGAIN_ALONE_SECONDS = 5.0
AGAIN_SECONDS = 0.1  # before the next look, while a suspect of this process runs alone
LATER = 1.5  # at most so many times the calm while: whoever kills at fixed times meets another moment


def is_accused(queued: QueuedUpdate) -> bool:
    """Whether only a trial can tell that it is innocent."""
    return ACCUSED <= queued.marks < POISON


class Trials:
    """Trials in one lane, in one stay. `begin` when the stay begins."""

    def __init__(self, crashes: CrashTracker, shared: SharedQuarantine, timings: UpdateTimings) -> None:
        self._crashes = crashes
        self._shared = shared
        self._calm = timings.trial_calm
        self._opens_at = 0.0  # on the monotonic clock

    def begin(self) -> None:
        """From now on the process has to live for a while: longer than whoever kills it as soon as it is up would let it."""
        self._opens_at = time.monotonic() + self._calm * random.uniform(1.0, LATER)

    def wait(self) -> float:
        """Seconds until a trial may be held; 0 now."""
        left = max(0.0, self._opens_at - time.monotonic())
        return left or (AGAIN_SECONDS if self._shared.alone.locked() else 0.0)

    @contextmanager
    def held(self, queued: QueuedUpdate) -> Iterator[None]:
        """Nothing else of this process's lanes begins while the block runs, for ALONE_SECONDS; AGAIN_ALONE_SECONDS once a trial
        proved nothing. Raises RedisError, and Unavailable when the lane was lost before it could begin.
        """
        is_first = queued.marks == ACCUSED
        with self._nothing_else() as release:
            marks = ALONE if self._is_quiet(QUIET_SECONDS if is_first else AGAIN_ALONE_SECONDS) else IN_BATCH
            logger.warning(
                "processes died of an update: it is tried, with %d marks and %d more", queued.marks, marks
            )
            seconds = ALONE_SECONDS if is_first else AGAIN_ALONE_SECONDS
            with self._crashes.on_record(queued, marks), self._for_a_moment(queued, release, seconds):
                # It would run off the record, and perhaps beside the next holder's run of the same update.
                if not self._crashes.has_lane:
                    raise Unavailable("The lane was lost before the trial")
                queued.suspected = queued.alone = True
                yield

    @contextmanager
    def _nothing_else(self) -> Iterator[_Once]:
        self._shared.alone.acquire()
        release = _Once(self._shared)
        self._shared.close()
        try:
            yield release
        finally:
            release()

    def _is_quiet(self, patience: float) -> bool:
        """Whether what the others are at has ended within `patience` seconds."""
        deadline = time.monotonic() + patience
        while self._shared.running > 1:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True

    @contextmanager
    def _for_a_moment(self, queued: QueuedUpdate, release: _Once, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._let_others_begin, [queued, release])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _let_others_begin(self, queued: QueuedUpdate, release: _Once) -> None:
        logger.warning("the trial of update %s goes on beside others", queued.request_id)
        self._crashes.is_beside_others(queued)  # before they do
        release()


class _Once:
    """Lets the others go on: when the trial is over or has lasted too long, whichever comes first."""

    def __init__(self, shared: SharedQuarantine) -> None:
        self._shared: SharedQuarantine | None = shared

    def __call__(self) -> None:
        shared, self._shared = self._shared, None
        if shared is not None:
            shared.open()
            shared.alone.release()
