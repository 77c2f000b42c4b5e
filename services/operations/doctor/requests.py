"""The doctor for administrators in the panel: what the last run said, and another one by a worker."""

from __future__ import annotations

import json
from typing import Any

from services.core.i18n import plain, revived
from services.operations.doctor.running import DiagnosisView, described, diagnose
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName, enqueue


def last_diagnosis(platform: Platform, caller: Principal) -> DiagnosisView | None:
    """What the last run by a worker said; None before the first. Forbidden `admin_only`. Raises RedisError."""
    caller.require_admin()
    kept: Any = platform.redis.get(upkeep_keys.diagnosis())
    return revived(json.loads(kept)) if kept else None


def ask_doctor(platform: Platform, caller: Principal, *, fix: bool = False) -> None:
    """Have a worker look at everything, with `fix` mend what is safe. Forbidden `admin_only`. Raises RedisError, Unavailable."""
    caller.require_admin()
    with platform.database.transaction() as session:
        audit(session, caller, "doctor_mended" if fix else "doctor_asked")
    enqueue(platform.job_redis, JobName.RUN_DOCTOR, int(fix))


def run_doctor(platform: Platform, *, fix: bool) -> None:
    """Look at everything from this process, and keep what came of it. Raises RedisError."""
    told = described(diagnose(platform, fix=fix))
    platform.redis.set(upkeep_keys.diagnosis(), json.dumps(plain(told)))
