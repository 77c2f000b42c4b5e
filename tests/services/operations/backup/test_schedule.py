"""What the clock rings for, what stays, and who hears of what went wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from models import Notification
from services.alerts.notifications.kinds import Kind
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.operations.backup import reports
from services.operations.backup.reports import LATE_SECONDS, backup_report
from services.operations.backup.retention import to_keep
from services.operations.backup.schedule import NICENESS, giving_way, wake_due
from services.operations.backup.stores import StoredBackup
from services.operations.backup_watchdog import backup_findings, notify_of_backups
from services.operations.metrics import exposition
from services.platform.accounts.accounts import create_account
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName


def stored(at: datetime) -> StoredBackup:
    return StoredBackup(f"flotilla-{at:%Y%m%dT%H%M%SZ}-{'0' * 8}.age", at, 5)


def forget(platform: Platform) -> None:
    for name in (JobName.MAKE_BACKUP, JobName.VERIFY_BACKUP):
        platform.redis.delete(upkeep_keys.backup_rung(name))


def seen(platform: Platform, seconds_ago: float) -> None:
    platform.redis.hset(
        upkeep_keys.backup_report(), "first_seen", json.dumps(utc_now().timestamp() - seconds_ago)
    )


def test_one_a_day_and_a_trial_a_month(platform: Platform) -> None:
    assert wake_due(platform) == [JobName.MAKE_BACKUP]
    assert wake_due(platform) == [], "it was rung for"
    reports.note_success(platform, stored(utc_now()), 1.0)
    forget(platform)
    assert wake_due(platform) == [JobName.VERIFY_BACKUP]
    reports.note_verified(platform, "one", None)
    forget(platform)
    assert wake_due(platform) == []
    reports.note_success(platform, stored(utc_now() - timedelta(days=1)), 1.0)
    assert wake_due(platform) == [JobName.MAKE_BACKUP]
    off = Platform(platform.settings.model_copy(update={"backup_daily": False}))
    forget(platform)
    assert wake_due(off) == []


def test_seven_days_four_weeks_six_months_stay() -> None:
    newest = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
    backups = [stored(newest - timedelta(days=age)) for age in range(400)]
    kept = sorted((newest - one.made_at).days for one in backups if one.name in to_keep(backups, 7, 4, 6))
    # the weeks end on Sundays: the 22nd, 15th and 8th; the months on the last of October to June
    assert kept == [0, 1, 2, 3, 4, 5, 6, 13, 20, 28, 59, 89, 120, 151]
    assert to_keep(backups[:1], 1, 0, 0) == {backups[0].name}


def test_failures_and_age_are_told_once_a_day(platform: Platform) -> None:
    create_account(platform, "admin@example.com", "a long enough password", is_admin=True)
    assert notify_of_backups(platform) == ()
    assert list(backup_findings(platform)) == []
    reports.note_failure(platform, Unavailable("full", code="backup_disk_full"))
    reports.note_verified(platform, "one", Unavailable("none", code="verify_impossible"))
    seen(platform, LATE_SECONDS + 3600)
    expected = (Kind.BACKUP_FAILED, Kind.BACKUP_UNVERIFIED, Kind.BACKUP_LATE)
    assert notify_of_backups(platform) == expected
    assert notify_of_backups(platform) == expected
    with platform.database.reading() as session:
        told = [row.kind for row in session.query(Notification)]
    assert sorted(told) == sorted(expected)
    codes = [finding.code for finding in backup_findings(platform)]
    assert codes == ["backup_failed", "backup_unverified", "backup_late"]
    assert b"backup_failing 1.0" in exposition(platform)
    reports.note_success(platform, stored(utc_now()), 1.0)
    reports.note_verified(platform, "one", None)
    assert list(backup_findings(platform)) == []
    assert backup_report(platform).failure_code == ""
    assert b"backup_age_seconds " in exposition(platform)


def test_what_makes_a_backup_gives_way_to_all_others() -> None:
    asked = "import os; print(os.sched_getscheduler(0), os.nice(0))"
    told = subprocess.run(
        [*giving_way(), sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    policy, niceness = map(int, told.stdout.split())
    assert (policy == os.SCHED_IDLE) if shutil.which("chrt") else (niceness >= NICENESS)
