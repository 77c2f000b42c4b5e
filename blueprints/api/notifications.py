"""REST API of notifications: list, mark read."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from pydantic import Field

from blueprints.api.body import Body, page, page_of, parse
from services.alerts.notifications import notify
from services.alerts.notifications.views import describe_notification
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("notifications", __name__, url_prefix="/notifications")


class Read(Body):
    """Which ones were read; without `ids` all."""

    ids: list[int] | None = Field(None, max_length=1000)


@blueprint.get("")
@api(Scope.READ)
def index() -> dict[str, Any]:
    """The caller's notifications, newest first; `cursor` leads to older ones."""
    asked = page()
    rows = notify.recent(platform(), caller(), asked.limit + 1, before=asked.after or None)
    return page_of(rows, asked, describe_notification)


@blueprint.post("/read")
@api(Scope.WRITE)
def mark_read() -> dict[str, Any]:
    """Mark the caller's notifications read, all or those named; ids of others change nothing."""
    marked = notify.mark_read(platform(), caller(), parse(Read).ids)
    return {"marked": marked, "unread": notify.unread_count(platform(), caller())}
