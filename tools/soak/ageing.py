"""Retention with days of a few minutes: what it would keep for days it keeps for so many seconds."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from types import TracebackType

from services.alerts.dead_letters.deciding import discard
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.core.times import utc_now
from services.operations.retention.deleting import delete_kinds
from services.operations.retention.kinds import KINDS
from services.platform.redis.jobs import JobName, enqueue
from tools.soak.installation import Installation

LONGEST_SECONDS = 30.0  # for one kind
DELETIONS = 3  # while as much time passes as rows are kept


class Ageing:
    """Deletes again and again in a thread of its own, since a look at everything must not wait for it."""

    def __init__(self, place: Installation, kept_seconds: float) -> None:
        self._place = place
        self._kept_seconds = kept_seconds
        self._due = kept_seconds
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ageing")
        self._running: Future[int] | None = None

    def __enter__(self) -> Ageing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def at(self, seconds: float) -> int:
        """Begin a deletion if one is due, `seconds` after the first visitor; the rows of the former one, or what ended it."""
        if seconds < self._due or (self._running and not self._running.done()):
            return 0
        deleted = self.finish()
        self._due = seconds + self._kept_seconds / DELETIONS
        self._running = self._pool.submit(delete_old, self._place, self._kept_seconds)
        return deleted

    def finish(self) -> int:
        """Wait for the deletion under way; its rows."""
        running, self._running = self._running, None
        return running.result() if running else 0


def delete_old(place: Installation, kept_seconds: float) -> int:
    """Delete of each kind what is older, as the daily job does; how many rows.

    The product's own deletion is called for each kind with a clock that goes so far ahead that what it keeps for days ends
    `kept_seconds` ago; then the job that counts what is left is rung for. Dead letters are discarded first: those that wait for a
    decision are never deleted. That no clicks are missing is not compared: it is known of whole days that are kept.
    """
    discard(place.platform, place.caller, Selection(filter=LetterFilter()), "a long run")
    deleted = 0
    for kind in KINDS:
        now = utc_now() + timedelta(days=kind.days(place.platform.settings), seconds=-kept_seconds)
        deadline = time.monotonic() + LONGEST_SECONDS
        deleted += sum(delete_kinds(place.platform, (kind,), now=now, deadline=deadline).values())
    enqueue(place.platform.job_redis, JobName.COUNT_DATA)
    return deleted
