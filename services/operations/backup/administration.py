"""What admins see of the backups in the panel, and what they do with them."""

from __future__ import annotations

from dataclasses import dataclass

from services.core.errors import Conflict, FlotillaError, Forbidden
from services.core.i18n import Text
from services.operations.backup.reports import LEASE, BackupReport, backup_report
from services.operations.backup.stores import StoredBackup, open_store
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, enqueue

LISTED = 100


@dataclass(frozen=True)
class BackupsView:
    """The newest backups, what became of the last ones, and whether one is being made; `trouble` where the store is away."""

    backups: list[StoredBackup]
    report: BackupReport
    is_running: bool
    trouble: Text | None = None


def view_backups(platform: Platform, caller: Principal) -> BackupsView:
    """What the page shows. Forbidden `admin_only`. Raises RedisError."""
    _check(caller)
    report = backup_report(platform)
    is_running = bool(platform.redis.exists(keys.lease(LEASE)))
    try:
        return BackupsView(open_store(platform.settings).backups()[:LISTED], report, is_running)
    except FlotillaError as error:
        return BackupsView([], report, is_running, error.text)


def request_backup(platform: Platform, caller: Principal) -> None:
    """Have a backup made by a worker. Forbidden `admin_only`, Conflict `backup_running`. Raises RedisError, Unavailable."""
    _check(caller)
    if platform.redis.exists(keys.lease(LEASE)):
        raise Conflict("A backup is being made already; wait for it", code="backup_running")
    with platform.database.transaction() as session:
        audit(session, caller, "backup_requested")
    enqueue(platform.job_redis, JobName.MAKE_BACKUP)


def _check(caller: Principal) -> None:
    if not caller.is_admin:
        raise Forbidden("Only an admin may see this", code="admin_only")
