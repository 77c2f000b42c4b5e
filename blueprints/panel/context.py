"""What every template may use, those outside the panel too: they share its shell."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_login import current_user

from blueprints.panel import assets
from blueprints.panel.blueprint import blueprint
from blueprints.panel.browsers import browser_name
from blueprints.panel.texts import script_texts
from services.alerts.notifications.notify import unread_count
from web.access import browser_session
from web.platform import platform


@blueprint.app_context_processor
def variables() -> dict[str, Any]:
    """Vendored files, texts for scripts, and whoever is signed in."""
    return {
        "vendored": assets,
        "script_texts": script_texts,
        "browser_name": browser_name,
        "public_url": platform().settings.public_url,
        "current_user": current_user,
        "unread": _unread(),
    }


def _unread() -> int:
    """Unread notifications for the badge; only pages of the panel show it, and only they pay the query."""
    known = browser_session() if request.path.startswith("/panel") else None
    return unread_count(platform(), known.caller) if known else 0
