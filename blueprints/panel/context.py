"""What every template may use, those outside the panel too: they share its shell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import request
from flask_babel import format_decimal
from flask_login import current_user

from blueprints.panel import assets
from blueprints.panel.blueprint import blueprint
from blueprints.panel.browsers import browser_name
from blueprints.panel.problems import account_problems
from blueprints.panel.switches import switches_on
from blueprints.panel.text_files import texts_url
from services.alerts.notifications.incidents import unread_incidents
from web.access import browser_session
from web.platform import platform


@blueprint.app_context_processor
def variables() -> dict[str, Any]:
    """Vendored files, where the scripts' texts are, and whoever is signed in."""
    return {
        "vendored": assets,
        "texts_url": texts_url,
        "browser_name": browser_name,
        "public_url": platform().settings.public_url,
        "current_user": current_user,
        "account_problems": account_problems,
        "switches_on": switches_on,
        "unread": _unread(),
    }


@blueprint.app_template_filter("number")
def number(value: float | None) -> str:
    """As static/js/dom.js writes it, so that the first answer of the scripts changes nothing on the page."""
    return "–" if value is None else str(format_decimal(value))


@blueprint.app_template_filter("percent")
def percent(value: float | None) -> str:
    """A percentage with one digit after the point, as static/js/dom.js writes it."""
    return "–" if value is None else f"{format_decimal(round(value, 1))}%"


@blueprint.app_template_filter("money")
def money(micros: int) -> str:
    """Millionths of a currency's unit as a number with cents."""
    return str(format_decimal(Decimal(micros).scaleb(-6), format="#,##0.00####"))


def _unread() -> int:
    """Unread notifications for the badge; only pages of the panel show it, and only they pay the query."""
    known = browser_session() if request.path.startswith("/panel") else None
    return unread_incidents(platform(), known.caller) if known else 0
