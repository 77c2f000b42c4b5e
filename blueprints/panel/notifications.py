"""Page: notifications."""

from __future__ import annotations

from flask import render_template

from blueprints.access import signed_in
from blueprints.panel.blueprint import blueprint


@blueprint.get("/panel/notifications")
@signed_in
def notifications() -> str:
    """The page notifications."""
    return render_template("panel/notifications.html")
