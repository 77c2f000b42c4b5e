"""Jobs of backups; a process of its own does the work, and two at once are excluded by a lease."""

from __future__ import annotations

from services.operations.backup.schedule import run_apart


def make_backup() -> None:
    """Make today's backup."""
    run_apart("create", "--quiet")


def verify_backup() -> None:
    """Try the newest backup out."""
    run_apart("verify")
