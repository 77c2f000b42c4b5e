"""REST API of clicks."""

from __future__ import annotations

from flask import Blueprint

from blueprints.api.body import listing
from blueprints.api.operation import operation
from blueprints.api.reports import ClicksQuery
from services.core.answer_types import Listing
from services.platform.accounts.principal import Scope
from services.traffic.clicks.explain import ExplanationView, explain_click
from services.traffic.clicks.listing import ClickFilter, ClickView, describe_click, list_clicks
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("clicks", __name__, url_prefix="/clicks")


@blueprint.get("")
@api(Scope.READ)
@operation(errors=(404,))
def index(query: ClicksQuery) -> Listing[ClickView]:
    """The caller's clicks, newest first."""
    conditions = query.model_dump(exclude={"begin", "end", "cursor", "limit"})
    chosen = {name: conditions[name] or None for name in ("audience", "country", "device")}
    wanted = ClickFilter(**{**conditions, **chosen}, since=query.begin, before=query.end)
    clicks, cursor = list_clicks(platform(), caller(), wanted, cursor=query.cursor, limit=query.limit)
    return listing([describe_click(click) for click in clicks], cursor)


@blueprint.get("/<click_id>/explain")
@api(Scope.READ)
@operation()
def explain(click_id: str) -> ExplanationView:
    """Why a click went where it went."""
    return explain_click(platform(), caller(), click_id)
