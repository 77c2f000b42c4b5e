"""REST API of notifications: list, mark read."""

from __future__ import annotations

from flask import Blueprint
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.body import Body, Page, page_of
from blueprints.api.operation import operation
from services.alerts.notifications import notify
from services.alerts.notifications.views import NotificationView, describe_notification
from services.core.answer_types import Listing
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("notifications", __name__, url_prefix="/notifications")


class Read(Body):
    """Which ones were read; without `ids` all."""

    ids: list[int] | None = Field(None, max_length=1000)


class MarkedView(TypedDict):
    """How many were marked, and how many are unread now."""

    marked: int
    unread: int


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: Page) -> Listing[NotificationView]:
    """The caller's notifications, newest first; `cursor` leads to older ones."""
    rows = notify.recent(platform(), caller(), query.limit + 1, before=query.after or None)
    return page_of(rows, query, describe_notification)


@blueprint.post("/read")
@api(Scope.WRITE)
@operation()
def mark_read(body: Read) -> MarkedView:
    """Mark the caller's notifications read, all or those named; ids of others change nothing."""
    marked = notify.mark_read(platform(), caller(), body.ids)
    return {"marked": marked, "unread": notify.unread_count(platform(), caller())}
