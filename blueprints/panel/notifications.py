"""Page: what the fleet had to tell."""

from __future__ import annotations

from typing import Any

from flask import render_template

from blueprints.api.body import parse
from blueprints.api.notifications import Read
from blueprints.panel.blueprint import blueprint
from blueprints.panel.destinations import destination_context
from blueprints.panel.notices import latest
from blueprints.panel.problems import surroundings
from services.alerts.notifications.incidents import unread_incidents
from services.alerts.notifications.notify import mark_read
from web.access import caller, signed_in
from web.platform import platform

LISTED = 100


@blueprint.get("/panel/notifications")
@signed_in
def notifications() -> str:
    """The newest notifications, unread ones marked."""
    return render_template("panel/notifications.html", initial=_live(), **destination_context())


@blueprint.get("/panel/live/notifications")
@signed_in
def live_notifications() -> dict[str, Any]:
    """The same for the page's script."""
    return {**_live(), **surroundings()}


@blueprint.post("/panel/live/notifications/read")
@signed_in
def read_notifications() -> dict[str, Any]:
    """Mark all read, or those in `ids`."""
    mark_read(platform(), caller(), parse(Read).ids)
    return _live()


def _live() -> dict[str, Any]:
    return {"notifications": latest(LISTED), "unread": unread_incidents(platform(), caller())}
