"""Backups: there is a recent one, it came to life, and it does not die with this disk."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Final

from services.core.i18n import Text
from services.core.times import utc_now
from services.operations.backup.reports import LATE_SECONDS, BackupReport, backup_report
from services.operations.backup.schedule import VERIFY_DAYS
from services.operations.backup.stores import backup_folder
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.platform.redis.jobs import JobName, enqueue

warning = partial(check, Topic.BACKUPS, Severity.WARNING)
error = partial(check, Topic.BACKUPS, Severity.ERROR)
LONGEST_UNTRIED_DAYS: Final = VERIFY_DAYS + 3  # a trial each month, and some days of grace
DAY: Final = 86_400.0


def _make(facts: Facts) -> None:
    enqueue(facts.platform.job_redis, JobName.MAKE_BACKUP)


def _try_out(facts: Facts) -> None:
    enqueue(facts.platform.job_redis, JobName.VERIFY_BACKUP)


def _report(facts: Facts) -> BackupReport:
    if not facts.settings.backup_daily:
        raise NotApplicable
    return backup_report(facts.platform)


@error(
    why=Text("No backup is made without it: what this machine loses is lost."),
    advice=Text(
        "Make one with `flask backup key`, set BACKUP_KEY for all processes, and keep it away from this machine."
    ),
)
def backup_key_missing(facts: Facts) -> Text | None:
    """Backups have a key to be encrypted with."""
    if not facts.is_served or not facts.settings.backup_daily:
        raise NotApplicable
    is_set = facts.settings.backup_key.get_secret_value().strip()
    return None if is_set else Text("BACKUP_KEY is not set")


@error(
    why=Text("Nothing could be brought back if this machine were gone."),
    advice=Text("The clock rings for one each day and a worker makes it: see their logs, or make one now."),
    remedy=_make,
)
def backup_missing(facts: Facts) -> Text | None:
    """There is a backup."""
    report = _report(facts)
    if report.last_success or report.age_seconds(utc_now()) <= LATE_SECONDS:
        return None
    return Text("None was made since backups began here")


@error(
    why=Text("What happened since then would be lost with this machine."),
    advice=Text("See what the last try said in the log of the worker, mend it and make one now."),
    remedy=_make,
)
def backup_old(facts: Facts) -> Text | None:
    """The last backup is of today or yesterday."""
    report = _report(facts)
    age = report.age_seconds(utc_now())
    if not report.last_success or age <= LATE_SECONDS:
        return None
    return Text("The last one is {hours} hours old", hours=int(age // 3600))


@error(
    why=Text("It is tried again every three hours; until one is made, the last one grows old."),
    advice=Text(
        "docs/backup.md and the log of the worker say what the code means; mend it and make one now."
    ),
    remedy=_make,
)
def backup_failing(facts: Facts) -> Text | None:
    """The last try made a backup."""
    code = _report(facts).failure_code
    return Text("The last try ended with {code}", code=code) if code else None


@error(
    why=Text("What cannot be restored is no backup."),
    advice=Text("Run `flask backup verify`, which says where it ends; mend that and make a new one."),
    remedy=_try_out,
)
def backup_unusable(facts: Facts) -> Text | None:
    """The backup that was tried out last came to life."""
    code = _report(facts).verify_failure
    return Text("It could not be brought to life: {code}", code=code) if code else None


@warning(
    why=Text("Whether a backup is any good is known only after one was restored."),
    advice=Text("The clock rings for a trial each month; try one out now with `flask backup verify`."),
    remedy=_try_out,
)
def backup_never_verified(facts: Facts) -> Text | None:
    """A backup was brought to life within a month or so."""
    report = _report(facts)
    if not report.last_success:
        raise NotApplicable
    if not report.last_verified:
        # The first one is tried out soon after it was made.
        is_late = utc_now().timestamp() - (report.first_seen or report.last_success) > 2 * DAY
        return Text("None was ever tried out") if is_late else None
    days = int((utc_now().timestamp() - report.last_verified) // DAY)
    return Text("The last trial was {days} days ago", days=days) if days > LONGEST_UNTRIED_DAYS else None


@warning(
    why=Text("When this disk dies, the installation and its backups die together."),
    advice=Text("Set BACKUP_STORE to a bucket elsewhere, or BACKUP_DIR to a folder on another disk."),
)
def backup_folder_on_same_disk(facts: Facts) -> Text | None:
    """Backups lie on another disk than the installation."""
    settings = facts.settings
    if not facts.is_served or settings.backup_store or not settings.backup_daily:
        raise NotApplicable
    folder = backup_folder(settings)
    if _device(folder) != _device(settings.data_dir):
        return None
    return Text("{folder} is on the disk of DATA_DIR", folder=str(folder))


def _device(path: Path) -> int:
    """The disk of a folder, or of the nearest one above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.stat(path).st_dev
