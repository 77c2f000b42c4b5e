"""Page: overview."""

from __future__ import annotations

from flask import render_template

from blueprints.access import signed_in
from blueprints.panel.blueprint import blueprint


@blueprint.get("/panel")
@signed_in
def overview() -> str:
    """The page overview."""
    return render_template("panel/overview.html")
