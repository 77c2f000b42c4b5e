"""Notifications as the panel's scripts want them."""

from __future__ import annotations

from typing import Any

from services.alerts.notifications.links import path_of
from services.alerts.notifications.notify import recent, text_of
from services.core.times import iso
from web.access import caller
from web.platform import platform


def latest(limit: int) -> list[dict[str, Any]]:
    """The caller's newest notifications with their text in the reader's language."""
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "level": row.level,
            "text": text_of(row),
            "at": iso(row.at),
            "read": row.read_at is not None,
            "page": path_of(row),
        }
        for row in recent(platform(), caller(), limit)
    ]
