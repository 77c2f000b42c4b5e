"""The jobs of deletion: daily, and after a bot was deleted. What a failing run leaves is taken by the next day's."""

from __future__ import annotations

from jobs.process import platform
from services.messaging.files import sweep
from services.operations import retention


def delete_expired() -> None:
    """Delete what is too old, then compare clicks with their rollups."""
    retention.delete_expired(platform())


def sweep_files(account_id: int) -> None:
    """Delete the files of an account that have lost their rows."""
    sweep.sweep_files(platform(), account_id)
