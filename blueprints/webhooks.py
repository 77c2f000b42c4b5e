"""Webhooks: what Telegram calls. Body and header are Telegram's; the answer is 200, 401 or 503, and for other networks 403 while a switch is on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from services.core.errors import Unavailable
from services.messaging.updates.intake import LARGEST_UPDATE, RETRY_AFTER_SECONDS
from services.messaging.updates.webhook_auth import SECRET_HEADER, WebhookAuth
from web.access import public
from web.fast_path import Answer
from web.lifecycle import ON_WORKER_START
from web.limiter import limiter
from web.platform import EXTENSION

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

blueprint = Blueprint("webhooks", __name__)
DOOR = "flotilla.door"
RECEIVED = "flotilla.received"
PATH = re.compile(r"/webhook/([0-9A-Za-z_-]+)(?:/[^/]+)?")
SECRET = "HTTP_" + SECRET_HEADER.upper().replace("-", "_")
TAKEN = "200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "0")]


@dataclass(frozen=True, slots=True)
class Received:
    """What Telegram is told. `retry_after` is in seconds, 0 for none."""

    status: int
    retry_after: int = 0


def answer_early(app: Flask, environ: WSGIEnvironment) -> Answer | None:
    """The fast path's handler: 200 at once; every other answer is the view's, with what was received if that is known."""
    path = PATH.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
    if path is None or not 0 < (length := _length(environ)) <= LARGEST_UPDATE:
        return None

    def read() -> bytes:
        body: bytes = environ["wsgi.input"].read(length)
        if len(body) < length:
            raise EOFError
        return body

    try:
        _door_of(app).refuse_outsiders(environ.get("REMOTE_ADDR", ""))
        received = _receive(_door_of(app), path[1], environ.get(SECRET, ""), read)
    except EOFError:
        received = Received(400)  # Telegram hung up, and sends it again
    except Exception as error:  # noqa: BLE001  # the view raises it, where errors are logged and answered
        environ[RECEIVED] = error
        return None
    environ[RECEIVED] = received
    return TAKEN if received.status == 200 else None


@blueprint.post("/webhook/<path_id>")
@blueprint.post("/webhook/<path_id>/<suffix>")
@public
@limiter.shared_limit("60 per minute", "webhook", exempt_when=lambda: _received().status != 401)
def receive(path_id: str, suffix: str = "") -> Response:
    """Take one update from Telegram. The limit is for wrong secrets: one bot's must not keep out the others'."""
    received = _received()
    retry = {"Retry-After": str(received.retry_after)} if received.retry_after else None
    return Response(status=received.status, headers=retry)


def _received() -> Received:
    """What became of this request, which is received once."""
    received: Received | Exception | None = request.environ.get(RECEIVED)
    if received is None:
        door().refuse_outsiders(request.remote_addr or "")
        path_id, secret = (request.view_args or {})["path_id"], request.headers.get(SECRET_HEADER, "")
        received = _receive(door(), path_id, secret, lambda: request.get_data(cache=False))
        request.environ[RECEIVED] = received
    if isinstance(received, Exception):
        raise received
    return received


def _receive(door: WebhookAuth, path_id: str, secret: str, read: Callable[[], bytes]) -> Received:
    """Take one update; `read` gets its body and is called for nobody but Telegram."""
    try:
        bot_id = door.bot_behind(path_id, secret)
        if bot_id is None:
            return Received(401)
        try:
            body = read()
        except RequestEntityTooLarge:
            door.intake.give_up(bot_id, "too_large", b"", size=request.content_length or 0)
        else:
            door.intake.accept_body(bot_id, body)
    except Unavailable as error:
        return Received(503, int(error.retry_after or RETRY_AFTER_SECONDS))
    return Received(200)


def _length(environ: WSGIEnvironment) -> int:
    """The body's length in bytes; 0 when the request does not say it in the one plain way."""
    text: str = environ.get("CONTENT_LENGTH", "")
    plain = text.isascii() and text.isdigit() and "HTTP_TRANSFER_ENCODING" not in environ
    return int(text) if plain and len(text) < 10 else 0


def door() -> WebhookAuth:
    """The door of this process's application; made at the first call, which does no I/O."""
    return _door_of(current_app)


def _door_of(app: Flask) -> WebhookAuth:
    known = app.extensions.get(DOOR)
    if known is None:
        known = app.extensions.setdefault(DOOR, WebhookAuth(app.extensions[EXTENSION]))
    return cast(WebhookAuth, known)


def start(app: Flask) -> None:
    """Listen for changes of bots and switches."""
    _door_of(app).start()


ON_WORKER_START.append(start)
