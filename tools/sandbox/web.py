"""The Flask side: control API, pages, file downloads, and who may use them."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from tools.sandbox.addresses import is_loopback
from tools.sandbox.control import create_control
from tools.sandbox.control_chats import add_chat_routes
from tools.sandbox.errors import ControlError
from tools.sandbox.pages import create_pages
from tools.sandbox.world import World

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
"""same-origin, not no-referrer: with that one browsers send ``Origin: null`` on our own forms."""


def create_web(world: World) -> Flask:
    """Everything but Bot API calls."""
    web = Flask(__name__, static_folder="static", static_url_path="/sandbox/static")
    web.json.sort_keys = False  # type: ignore[attr-defined]
    control = create_control(world)
    add_chat_routes(control, world)
    control.before_request(lambda: _admit(world))
    web.register_blueprint(control)
    web.register_blueprint(create_pages(world))
    web.register_error_handler(ControlError, _refuse)
    web.register_error_handler(HTTPException, _refuse_http)
    web.register_error_handler(ValueError, _refuse_value)
    web.register_error_handler(TypeError, _refuse_value)
    web.after_request(_harden)
    return web


def _admit(world: World) -> None:
    """Loopback only, and never on behalf of a foreign page. ControlError 403."""
    host = urlsplit(f"//{request.host}").hostname or ""
    remote = world.settings.allow_remote
    if not remote and not (is_loopback(request.remote_addr or "") and is_loopback(host)):
        raise ControlError(403, "loopback_only", "the control API answers this machine only")
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise ControlError(403, "foreign_origin", "a page of another origin may not use the control API")


def _refuse(error: ControlError) -> tuple[Response, int]:
    if not request.path.startswith("/sandbox/api"):
        return Response(error.message, mimetype="text/plain"), error.status
    return jsonify(error=error.code, message=error.message), error.status


def _refuse_value(error: Exception) -> tuple[Response, int]:
    return jsonify(error="bad_value", message=str(error)), 400


def _refuse_http(error: HTTPException) -> Response | tuple[Response, int]:
    if not request.path.startswith("/sandbox/api"):
        return Response(error.get_body(), error.code, mimetype="text/html")
    return jsonify(error="not_found" if error.code == 404 else "http", message=error.description), (
        error.code or 500
    )


def _harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
