"""Webhooks: what Telegram calls (U1). Body and header are Telegram's; the answer is 200, 401 or 503."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from blueprints.access import public
from blueprints.lifecycle import STARTERS
from blueprints.platform import platform
from services.errors import Unavailable
from services.updates.door import SECRET_HEADER, Door
from services.updates.intake import RETRY_AFTER_SECONDS

blueprint = Blueprint("webhooks", __name__)
DOOR = "flotilla.door"


@blueprint.post("/webhook/<path_id>")
@blueprint.post("/webhook/<path_id>/<suffix>")
@public
def receive(path_id: str, suffix: str = "") -> Response:
    """Take one update from Telegram."""
    try:
        bot_id = door().bot_behind(path_id, request.headers.get(SECRET_HEADER, ""))
        if bot_id is None:
            return Response(status=401)
        _take(bot_id)
    except Unavailable as error:
        seconds = int(error.retry_after or RETRY_AFTER_SECONDS)
        return Response(status=503, headers={"Retry-After": str(seconds)})
    return Response(status=200)


def _take(bot_id: int) -> None:
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        door().intake.give_up(bot_id, "too_large", b"", size=request.content_length or 0)
    else:
        door().intake.accept_body(bot_id, body)


def door() -> Door:
    """The door of this process's application; made at the first call, which does no I/O."""
    return _door_of(current_app)


def _door_of(app: Flask) -> Door:
    known = app.extensions.get(DOOR)
    if known is None:
        known = app.extensions.setdefault(DOOR, Door(platform()))
    return cast(Door, known)


def start(app: Flask) -> None:
    """Listen for changes of bots."""
    with app.app_context():
        door().start()


STARTERS.append(start)
