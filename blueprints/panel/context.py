"""What every template may use, those outside the panel too: they share its shell."""

from __future__ import annotations

from typing import Any

from flask import g, request

from blueprints.panel import assets
from blueprints.panel.blueprint import blueprint
from blueprints.panel.browsers import browser_name
from blueprints.panel.texts import script_texts
from services.alerts.notifications.notify import unread_count
from web.platform import platform


@blueprint.app_context_processor
def variables() -> dict[str, Any]:
    """Vendored files, texts for scripts, and whoever is signed in, if that is already known."""
    return {
        "vendored": assets,
        "script_texts": script_texts,
        "browser_name": browser_name,
        "public_url": platform().settings.public_url,
        "me": g.get("signed_in"),
        "unread": _unread(),
    }


def _unread() -> int:
    """Unread notifications for the badge; only pages of the panel show it, and only they pay the query."""
    signed_in = g.get("signed_in")
    if signed_in is None or not request.path.startswith("/panel"):
        return 0
    return unread_count(platform(), signed_in.caller)
