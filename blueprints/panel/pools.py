"""Page: pools."""

from __future__ import annotations

from flask import render_template

from blueprints.access import signed_in
from blueprints.panel.blueprint import blueprint


@blueprint.get("/panel/pools")
@signed_in
def pools() -> str:
    """The page pools."""
    return render_template("panel/pools.html")
