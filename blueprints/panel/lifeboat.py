"""Page: the lifeboat, what stays reachable after the loss of one bot."""

from __future__ import annotations

from flask import render_template

from blueprints.panel.blueprint import blueprint
from services.reporting.lifeboat import lifeboat
from web.access import caller, signed_in
from web.platform import platform

LISTED = 50  # bots, the gravest losses first; the API tells of all


@blueprint.get("/panel/lifeboat")
@signed_in
def lifeboat_page() -> str:
    """Account and pools after the loss of one bot."""
    found = lifeboat(platform(), caller())
    return render_template(
        "panel/lifeboat.html",
        section="panel.pools",
        found=found,
        bots=found["bots"][:LISTED],
        hidden=max(0, len(found["bots"]) - LISTED),
    )
