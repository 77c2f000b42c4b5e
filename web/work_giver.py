"""What gives work to the programs that ask this process: one for all its requests, made at the first."""

from __future__ import annotations

from flask import current_app

from services.messaging.workers.giving import WorkGiver
from web.platform import platform

GIVER = "flotilla.work_giver"


def work_giver() -> WorkGiver:
    """The giver of this application."""
    known: WorkGiver | None = current_app.extensions.get(GIVER)
    return known or current_app.extensions.setdefault(GIVER, WorkGiver(platform()))
