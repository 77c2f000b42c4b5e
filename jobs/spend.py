"""The job of imports of costs."""

from __future__ import annotations

from jobs.process import platform
from services.traffic.spend import importing


def import_spend(import_id: int) -> None:
    """Go on with an import."""
    importing.go_on(platform(), import_id)
