"""What is deleted when its time is over: clicks, visitors' hashes, durations of checks, settled dead letters, outcomes of
updates that are long acknowledged, old entries of the audit trail, files of people. Rollups stay."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import delete, select, tuple_

from models import Account, AuditEvent, CheckDuration, Click, DailyVisitor
from services.alerts.dead_letters.retention import settled_before
from services.core.times import day_of, utc_now
from services.messaging.files.sweep import delete_expired_files
from services.messaging.updates.plugin_writes import handled_before
from services.platform.accounts.trail import chain_left_entries
from services.platform.accounts.trail_retention import delete_old_entries
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, enqueue
from services.traffic.clicks.access_log import delete_old
from services.traffic.clicks.stream_audit import check_clicks, report

logger = logging.getLogger(__name__)
BATCH: Final = 1000  # rows of one transaction, a few milliseconds: nobody waits for it
PAUSE_SECONDS: Final = 0.02  # between batches, so that other writers of SQLite get their turn
LONGEST_RUN_SECONDS: Final = 90.0  # the job's time is 120 s
VISITOR_DAYS: Final = 3  # a spooled click that comes even later may count its visitor once more
HANDLED_KEPT: Final = timedelta(
    days=3
)  # longer than updates are told from repeated ones, shorter than ids come again
RUNG_SECONDS: Final = 2 * 86_400


def wake_daily(platform: Platform) -> bool:
    """Ring for the deletion once per UTC day, whichever clock leads; True when it rang. Raises RedisError."""
    today = utc_now().date().isoformat()
    if platform.redis.exists(keys.expired_deleted(today)):
        return False
    enqueue(platform.job_redis, JobName.DELETE_EXPIRED)
    platform.redis.set(keys.expired_deleted(today), "1", ex=RUNG_SECONDS)
    return True


def delete_expired(platform: Platform, *, now: datetime | None = None) -> int:
    """Delete what is too old, in small transactions; how many rows. What does not fit in a run is left to the next.

    At the end clicks are compared with their rollups (`check_clicks`). Raises Unavailable, RedisError.
    """
    now = now or utc_now()
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    old = now - timedelta(days=platform.settings.clicks_retention_days)
    deleted = _clicks(platform, old, deadline)
    deleted += _in_batches(platform, deadline, partial(_visitors, day_of(now) - timedelta(days=VISITOR_DAYS)))
    deleted += _in_batches(platform, deadline, partial(_durations, old))
    settled = now - timedelta(days=platform.settings.dead_letters_retention_days)
    deleted += _in_batches(platform, deadline, partial(settled_before, settled))
    deleted += _in_batches(platform, deadline, partial(handled_before, now - HANDLED_KEPT, BATCH))
    deleted += _trail(platform, now - timedelta(days=platform.settings.audit_retention_days), deadline)
    deleted += delete_expired_files(platform, now)
    delete_old(platform.settings.data_dir / "access", platform.settings.access_log_retention_days, now.date())
    logger.info("expired rows deleted", extra={"rows": deleted})
    if time.monotonic() < deadline:
        report(platform, check_clicks(platform, now=now))
    else:
        enqueue(platform.job_redis, JobName.DELETE_EXPIRED)
    return deleted


def _clicks(platform: Platform, before: datetime, deadline: float) -> int:
    """Account by account, because that is how the index finds old clicks."""
    with platform.database.reading() as session:
        accounts = session.scalars(select(Account.id).order_by(Account.id)).all()
    deleted = 0
    for account_id in accounts:
        deleted += _in_batches(platform, deadline, partial(_clicks_of, account_id, before))
    return deleted


def _trail(platform: Platform, before: datetime, deadline: float) -> int:
    with platform.database.transaction() as session:
        left = select(AuditEvent.account_id).where(
            AuditEvent.sequence.is_(None), AuditEvent.account_id.is_not(None)
        )
        for account_id in session.scalars(left.distinct().order_by(AuditEvent.account_id)).all():
            chain_left_entries(session, account_id or 0, BATCH)
    with platform.database.reading() as session:
        old = select(AuditEvent.account_id).where(AuditEvent.at < before)
        accounts = session.scalars(select(Account.id).where(Account.id.in_(old)).order_by(Account.id)).all()
    deleted = 0
    for account_id in accounts:
        while time.monotonic() < deadline:
            done = delete_old_entries(platform, before, account_id, BATCH)
            deleted += done
            if not done:
                break
            time.sleep(PAUSE_SECONDS)
    return deleted


def _clicks_of(account_id: int, before: datetime) -> Any:
    old = select(Click.id).where(Click.account_id == account_id, Click.at < before)
    return delete(Click).where(Click.id.in_(old.order_by(Click.at).limit(BATCH)))


def _visitors(before: datetime) -> Any:
    key = (DailyVisitor.day, DailyVisitor.pool_id, DailyVisitor.unique_hash)
    old = select(*key).where(DailyVisitor.day < before).order_by(*key).limit(BATCH)
    return delete(DailyVisitor).where(tuple_(*key).in_(old))


def _durations(before: datetime) -> Any:
    return delete(CheckDuration).where(CheckDuration.hour < before)


def _in_batches(platform: Platform, deadline: float, statement: Callable[[], Any]) -> int:
    deleted = 0
    while time.monotonic() < deadline:
        with platform.database.transaction() as session:
            result: Any = session.execute(statement().execution_options(synchronize_session=False))
        if not result.rowcount:
            break
        deleted += result.rowcount
        time.sleep(PAUSE_SECONDS)
    return deleted
