"""Deleting what is too old, kind by kind, once a day."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.times import utc_now
from services.messaging.files.sweep import sweep_all_files
from services.operations.retention.kinds import KINDS, DataKind
from services.operations.retention.report import keep_report, make_report
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName, enqueue
from services.traffic.clicks.stream_audit import check_clicks, report

logger = logging.getLogger(__name__)
LONGEST_RUN_SECONDS: Final = 90.0  # the job's time is 120 s
RUNG_SECONDS: Final = 2 * 86_400


def wake_daily(platform: Platform) -> bool:
    """Ring for the deletion once per UTC day, whichever clock leads; True when it rang. Raises RedisError."""
    today = utc_now().date().isoformat()
    if platform.redis.exists(upkeep_keys.expired_deleted(today)):
        return False
    enqueue(platform.job_redis, JobName.DELETE_EXPIRED)
    platform.redis.set(upkeep_keys.expired_deleted(today), "1", ex=RUNG_SECONDS)
    return True


def delete_expired(platform: Platform, *, now: datetime | None = None) -> int:
    """Delete what is too old, in small transactions; how many rows. What does not fit in a run is left to the next.

    At the end clicks are compared with their rollups (`check_clicks`), and it is counted what there is of each kind.
    Raises Unavailable, RedisError.
    """
    now = now or utc_now()
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    deleted = sum(delete_kinds(platform, KINDS, now=now, deadline=deadline).values())
    deleted += sweep_all_files(platform, now)
    logger.info("expired rows deleted", extra={"rows": deleted})
    if time.monotonic() < deadline:
        report(platform, check_clicks(platform, now=now))
        keep_report(platform, make_report(platform, now=now))
    else:
        enqueue(platform.job_redis, JobName.DELETE_EXPIRED)
    return deleted


def delete_kinds(
    platform: Platform, kinds: Sequence[DataKind], *, now: datetime, deadline: float = float("inf")
) -> dict[str, int]:
    """Delete what is too old of these kinds; how many of each, of those alone that have an end."""
    deleted: dict[str, int] = {}
    for kind in kinds:
        before = kind.before(platform.settings, now)
        if before is not None:
            deleted[kind.name] = kind.store.delete(platform, before, deadline)
    return deleted


def kinds_named(names: Collection[str]) -> tuple[DataKind, ...]:
    """The kinds with these names, all of them for none. Raises InvalidInput `unknown_kind`, which says which there are."""
    known = {kind.name for kind in KINDS}
    wrong = sorted(set(names) - known)
    if wrong:
        words = Text(
            "There is no kind of data “{name}”; there are {names}",
            name=wrong[0],
            names=", ".join(sorted(known)),
        )
        raise InvalidInput(words, code="unknown_kind")
    return tuple(kind for kind in KINDS if not names or kind.name in names)
