"""REST API of clicks (A5)."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from blueprints.access import api, caller
from blueprints.platform import platform
from services.accounts.caller import Scope
from services.clicks.explain import explain_click

blueprint = Blueprint("clicks", __name__, url_prefix="/clicks")


@blueprint.get("/<click_id>/explain")
@api(Scope.READ)
def explain(click_id: str) -> ResponseReturnValue:
    """Why a click went where it went."""
    return explain_click(platform(), caller(), click_id)
