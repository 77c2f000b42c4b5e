"""What became of the last backup and of the last trial of one, kept for the panel, the metrics and the alarms."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from redis import RedisError

from services.core.errors import FlotillaError
from services.core.times import utc_now
from services.operations.backup.stores import StoredBackup
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys

logger = logging.getLogger(__name__)
LEASE: Final = "backup"  # held while one is made
VERIFY_LEASE: Final = "backup_verify"  # held while one is tried out
LATE_SECONDS: Final = 26 * 3600.0  # a day, and two hours in which today's may still be made


@dataclass(frozen=True)
class BackupReport:
    """Seconds since the epoch, 0.0 = never; the codes are "" where the last try went well."""

    last_success: float = 0.0
    last_name: str = ""
    last_size: int = 0
    seconds: float = 0.0
    failure_code: str = ""
    last_verified: float = 0.0
    verified_name: str = ""
    verify_failure: str = ""
    first_seen: float = 0.0

    def age_seconds(self, now: datetime) -> float:
        """Since the last backup, or since backups began here."""
        since = self.last_success or self.first_seen
        return max(0.0, now.timestamp() - since) if since else 0.0


def backup_report(platform: Platform) -> BackupReport:
    """The report. Raises RedisError."""
    found: dict[str, str] = platform.redis.hgetall(upkeep_keys.backup_report())  # type: ignore[assignment]
    known = {
        name: json.loads(text) for name, text in found.items() if name in BackupReport.__dataclass_fields__
    }
    return BackupReport(**known)


def note_first_seen(platform: Platform) -> None:
    """From now on a backup is missed. Raises RedisError."""
    platform.redis.hsetnx(upkeep_keys.backup_report(), "first_seen", json.dumps(utc_now().timestamp()))


def note_success(platform: Platform, backup: StoredBackup, seconds: float) -> None:
    """A backup was made. Raises RedisError."""
    _note(
        platform,
        last_success=backup.made_at.timestamp(),
        last_name=backup.name,
        last_size=backup.size,
        seconds=round(seconds, 1),
        failure_code="",
    )


def note_failure(platform: Platform, error: Exception) -> None:
    """None was made; a Redis that is away is only logged, as `error` is told anyway."""
    _note_patiently(platform, failure_code=_code(error))


def note_verified(platform: Platform, name: str, error: Exception | None) -> None:
    """A backup was tried out, and came to life or not."""
    if error is not None:
        _note_patiently(platform, verify_failure=_code(error), verified_name=name)
    else:
        _note(platform, verify_failure="", verified_name=name, last_verified=utc_now().timestamp())


def _note_patiently(platform: Platform, **values: Any) -> None:
    try:
        _note(platform, **values)
    except RedisError as error:
        logger.warning("the outcome of a backup was not kept: %s", type(error).__name__)


def _note(platform: Platform, **values: Any) -> None:
    platform.redis.hset(
        upkeep_keys.backup_report(), mapping={name: json.dumps(value) for name, value in values.items()}
    )


def _code(error: Exception) -> str:
    return error.code if isinstance(error, FlotillaError) else type(error).__name__
