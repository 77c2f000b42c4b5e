"""Retention with days of a few minutes: what it would keep for days it keeps for so many seconds."""

from __future__ import annotations

import time
from datetime import timedelta

from services.alerts.dead_letters.deciding import discard
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.core.times import utc_now
from services.operations.retention.deleting import delete_kinds
from services.operations.retention.kinds import KINDS
from services.platform.redis.jobs import JobName, enqueue
from tools.soak.installation import Installation

LONGEST_SECONDS = 30.0  # for one kind
DELETIONS = 3  # while as much time passes as rows are kept


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
