"""The Redis keys of backups; all others are in `keys`."""

from __future__ import annotations

from services.platform.redis.keys import PREFIX


def backup_report() -> str:
    """Hash of what became of the last backup and the last trial of one, as JSON. For ever: lost, the store tells the age."""
    return f"{PREFIX}:backup"


def backup_rung(name: str) -> str:
    """Set once a job of backups was rung for; lives three hours, after which a failed one is tried again."""
    return f"{PREFIX}:backup:{name}"
