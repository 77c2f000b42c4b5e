"""Notifications as the panel's scripts want them."""

from __future__ import annotations

from typing import Any

from flask_babel import get_locale

from blueprints.access import caller
from blueprints.platform import platform
from services.notifications.links import path_of
from services.notifications.notify import recent, render
from services.times import iso


def latest(limit: int) -> list[dict[str, Any]]:
    """The caller's newest notifications with their text in the reader's language."""
    locale = str(get_locale())
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "level": row.level,
            "text": render(row, locale),
            "at": iso(row.at),
            "read": row.read_at is not None,
            "page": path_of(row),
        }
        for row in recent(platform(), caller(), limit)
    ]
