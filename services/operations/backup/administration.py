"""What admins see of the backups in the panel, and what they do with them."""

from __future__ import annotations

from dataclasses import dataclass

from services.core.errors import FlotillaError
from services.core.i18n import Text
from services.operations.backup.progress import Progress, Work, is_running, running, running_already
from services.operations.backup.reports import BackupReport, backup_report
from services.operations.backup.stores import StoredBackup, open_store
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue

LISTED = 100


@dataclass(frozen=True)
class BackupsView:
    """The newest backups, what became of the last ones, and what is being done; `trouble` where the store is away."""

    backups: list[StoredBackup]
    report: BackupReport
    running: list[Progress]
    trouble: Text | None = None


def view_backups(platform: Platform, caller: Principal) -> BackupsView:
    """What the page shows. Forbidden `admin_only`. Raises RedisError."""
    caller.require_admin()
    report = backup_report(platform)
    now = running(platform)
    try:
        return BackupsView(open_store(platform.settings).backups()[:LISTED], report, now)
    except FlotillaError as error:
        return BackupsView([], report, now, error.text)


def view_progress(platform: Platform, caller: Principal) -> tuple[list[Progress], BackupReport]:
    """What is being done and what became of the last ones, without asking the store. Forbidden `admin_only`. Raises RedisError."""
    caller.require_admin()
    return running(platform), backup_report(platform)


def request_backup(platform: Platform, caller: Principal) -> None:
    """Have a backup made by a worker. Forbidden `admin_only`, Conflict `backup_running`. Raises RedisError, Unavailable."""
    _request(platform, caller, Work.CREATE, JobName.MAKE_BACKUP, "backup_requested")


def request_verification(platform: Platform, caller: Principal) -> None:
    """Have the newest backup tried out by a worker. Forbidden `admin_only`, Conflict `verify_running`. Raises RedisError, Unavailable."""
    _request(platform, caller, Work.VERIFY, JobName.VERIFY_BACKUP, "backup_verify_requested")


def _request(platform: Platform, caller: Principal, work: Work, job: JobName, action: str) -> None:
    caller.require_admin()
    if is_running(platform, work):
        raise running_already(work)
    with platform.database.transaction() as session:
        audit(session, caller, action)
    enqueue(platform.job_redis, job)
