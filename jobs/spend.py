"""The job of imports of costs."""

from __future__ import annotations

from jobs import process
from services.traffic.spend import importing


def import_spend(import_id: int) -> None:
    """Go on with an import."""
    importing.go_on(process.platform(), import_id, process.stopping)
