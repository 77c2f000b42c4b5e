"""The daily job of deletion. What a failing run leaves is taken by the next day's."""

from __future__ import annotations

from jobs.process import platform
from services.operations import retention


def delete_expired() -> None:
    """Delete what is too old, then compare clicks with their rollups."""
    retention.delete_expired(platform())
