"""Telling the administrators of a backup that failed, did not come to life or is missing."""

from __future__ import annotations

from collections.abc import Iterator

from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify_administrators
from services.core.i18n import Text
from services.core.times import utc_now
from services.operations.backup.reports import LATE_SECONDS, BackupReport, backup_report
from services.operations.findings import Finding
from services.platform.platform import Platform

HOUR = 3600


def notify_of_backups(platform: Platform) -> tuple[Kind, ...]:
    """Notify every administrator, once a day at most of each; of what. Raises RedisError, Unavailable."""
    if not platform.settings.backup_daily:
        return ()
    report = backup_report(platform)
    age = report.age_seconds(utc_now())
    alarms: dict[Kind, dict[str, object]] = {}
    if report.failure_code:
        alarms[Kind.BACKUP_FAILED] = {"cause": report.failure_code}
    if report.verify_failure:
        alarms[Kind.BACKUP_UNVERIFIED] = {"cause": report.verify_failure}
    if age > LATE_SECONDS:
        alarms[Kind.BACKUP_LATE] = {"hours": int(age / HOUR)}
    for kind, params in alarms.items():
        notify_administrators(platform, kind, params, period="%Y-%m-%d")
    return tuple(alarms)


def backup_findings(platform: Platform) -> Iterator[Finding]:
    """What is wrong with the backups, as warnings: nobody is served worse for it today. Raises RedisError."""
    if not platform.settings.backup_daily:
        return
    report: BackupReport = backup_report(platform)
    if report.failure_code:
        words = Text(
            "The last backup failed ({cause}): see “flask backup create”.", cause=report.failure_code
        )
        yield Finding("backup_failed", words)
    if report.verify_failure:
        words = Text(
            "A backup could not be brought to life ({cause}): see “flask backup verify”.",
            cause=report.verify_failure,
        )
        yield Finding("backup_unverified", words)
    if report.age_seconds(utc_now()) > LATE_SECONDS:
        yield Finding("backup_late", Text("There is no backup of the last day: see “flask backup list”."))
