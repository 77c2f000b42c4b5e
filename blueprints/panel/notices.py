"""Incidents as the panel's scripts want them: one row for all that was told of one trouble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models import Notification
from services.alerts.notifications.incidents import numbers_of, recent_incidents, standing
from services.alerts.notifications.links import path_of
from services.alerts.notifications.notify import text_of
from services.core.times import iso
from web.access import caller
from web.platform import platform


def latest(limit: int) -> list[dict[str, Any]]:
    """The caller's incidents with the newest news first, as they stand, in the reader's language."""
    return [_row(rows) for rows in recent_incidents(platform(), caller(), limit)]


def _row(rows: Sequence[Notification]) -> dict[str, Any]:
    shown, now = standing(rows), numbers_of(rows)
    return {
        "id": rows[0].incident,
        "ids": [row.id for row in rows if row.read_at is None],
        "kind": shown[0].kind,
        "level": shown[0].level,
        "texts": [text_of(row, now.get(row.pool_id)) for row in shown],
        "at": iso(rows[-1].at),
        "read": all(row.read_at for row in rows),
        "page": next((page for row in shown if (page := path_of(row))), ""),
    }
