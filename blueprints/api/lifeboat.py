"""REST API of the lifeboat."""

from __future__ import annotations

from flask import Blueprint

from blueprints.api.operation import operation
from services.platform.accounts.principal import Scope
from services.reporting.lifeboat import LifeboatView, lifeboat
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("lifeboat", __name__, url_prefix="/lifeboat")


@blueprint.get("")
@api(Scope.READ)
@operation()
def show() -> LifeboatView:
    """What share of the caller's people stays reachable after the loss of each bot, and which pool has no spare."""
    return lifeboat(platform(), caller())
