"""Page: bots."""

from __future__ import annotations

from flask import render_template

from blueprints.access import signed_in
from blueprints.panel.blueprint import blueprint


@blueprint.get("/panel/bots")
@signed_in
def bots() -> str:
    """The page bots."""
    return render_template("panel/bots.html")
