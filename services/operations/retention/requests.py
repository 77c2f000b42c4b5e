"""What administrators ask for by hand: the figures, counting anew, deleting before the night comes."""

from __future__ import annotations

from services.operations.retention.report import ReportView, last_report
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue


def shown_report(platform: Platform, caller: Principal) -> ReportView | None:
    """What was counted last; None before the first time. Forbidden `admin_only`: the figures are those of all accounts."""
    caller.require_admin()
    return last_report(platform)


def count_now(platform: Platform, caller: Principal) -> None:
    """Have a worker count anew. Raises Forbidden, RedisError."""
    caller.require_admin()
    with platform.database.transaction() as session:
        audit(session, caller, "data_counted")
    enqueue(platform.job_redis, JobName.COUNT_DATA)


def delete_now(platform: Platform, caller: Principal) -> None:
    """Have a worker delete what is too old. Raises Forbidden, RedisError."""
    caller.require_admin()
    with platform.database.transaction() as session:
        audit(session, caller, "expired_data_deleted")
    enqueue(platform.job_redis, JobName.DELETE_EXPIRED)
