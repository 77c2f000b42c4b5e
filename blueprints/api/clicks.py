"""REST API of clicks."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from blueprints.api.body import listing, query
from blueprints.api.reports import ClicksQuery
from services.platform.accounts.principal import Scope
from services.traffic.clicks.explain import explain_click
from services.traffic.clicks.listing import ClickFilter, describe_click, list_clicks
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("clicks", __name__, url_prefix="/clicks")


@blueprint.get("")
@api(Scope.READ)
def index() -> ResponseReturnValue:
    """The caller's clicks, newest first."""
    asked = query(ClicksQuery)
    conditions = asked.model_dump(exclude={"begin", "end", "cursor", "limit"})
    wanted = ClickFilter(**conditions, since=asked.begin, before=asked.end)
    clicks, cursor = list_clicks(platform(), caller(), wanted, cursor=asked.cursor, limit=asked.limit)
    return listing([describe_click(click) for click in clicks], cursor)


@blueprint.get("/<click_id>/explain")
@api(Scope.READ)
def explain(click_id: str) -> ResponseReturnValue:
    """Why a click went where it went."""
    return explain_click(platform(), caller(), click_id)
