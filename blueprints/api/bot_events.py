"""REST API of what happened to a bot."""

from __future__ import annotations

from operator import attrgetter

from flask import Blueprint
from pydantic import BaseModel, Field

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, page_of
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.platform.accounts.principal import Scope
from services.reporting.bot_events import BotEventView, describe_event, list_bot_events
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("bot_events", __name__, url_prefix="/bots/<bot_id>/events")


class EventsQuery(BaseModel):
    """Which events."""

    kind: str = Field("", max_length=50, description='of one kind, as "bot_stopped"')
    cursor: str = Field("", max_length=50, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(bot_id: str, query: EventsQuery) -> Listing[BotEventView]:
    """Who did what about a bot, and how its states in pools changed; newest first."""
    more = query.limit + 1
    events = list_bot_events(platform(), caller(), bot_id, kind=query.kind, cursor=query.cursor, limit=more)
    return page_of(events, query, describe_event, attrgetter("cursor"))
