"""The job of changes that are made for many people."""

from __future__ import annotations

from jobs.process import platform
from services.traffic.audience import changing


def change_people(change_id: int) -> None:
    """Go on with a change."""
    changing.go_on(platform(), change_id)
