"""Errors to answers: problem+json (RFC 9457) for programs, a page for people. The status stands on the class.

An unexpected exception is logged with its traceback (redacted by the log formatter) under an id, and only that id
is told to whoever asked.
"""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json, make_response, render_template, request
from flask_limiter import RateLimitExceeded
from jinja2 import TemplateError
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException

from services.core.errors import FlotillaError, InvalidInput, RateLimited, Unauthenticated
from services.core.i18n import Text
from services.core.logs import bound_ids, new_request_id
from services.messaging.workers.said import refusal
from services.platform.redis.trouble import redis_trouble
from web.csrf import FormRefused
from web.limiter import seconds_left
from web.reader_language import translated

logger = logging.getLogger(__name__)
RETRY_SECONDS = 5  # told with a 503 that does not know better: longer than a restart of Valkey takes
PAGES = {403, 404, 429, 500, 503}  # statuses with a page of their own; others share the nearest
HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "json_expected",
    429: "rate_limited",
    503: "unavailable",
}
HTTP_TEXTS = {
    400: Text("The browser (or proxy) sent a request that this server could not understand."),
    404: Text(
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."
    ),
    405: Text("The method is not allowed for the requested URL."),
    413: Text("The data value transmitted exceeds the capacity limit."),
    415: Text("Send the body as JSON with Content-Type: application/json"),
}


def init_app(app: Flask) -> None:
    """Answer every error of `app` in one form."""
    app.register_error_handler(FlotillaError, _ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(RateLimitExceeded, _of_limit)
    app.register_error_handler(RedisError, _of_redis)
    app.register_error_handler(DataError, _of_data)
    app.register_error_handler(Exception, _unexpected)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    retry_after: float | None = None,
    error_id: str | None = None,
) -> Response:
    """A problem+json answer; members that are None are left out. `retry_after` in seconds."""
    body = {
        "type": f"urn:flotilla:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "field": field,
        "retry_after": retry_after,
        "error_id": error_id,
    }
    return Response(
        json.dumps({name: value for name, value in body.items() if value is not None}),
        status,
        mimetype="application/problem+json",
    )


def wants_problem() -> bool:
    """Whether the present request is a program's: under /api or /bots, on a webhook, or asking for JSON rather than HTML."""
    if request.path.startswith(("/api/", "/bots", "/webhook/")):
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def _answer(
    status: int,
    code: str,
    text: Text,
    *,
    field: str | None = None,
    retry_after: float | None = None,
    error_id: str | None = None,
) -> Response:
    detail = translated(text)
    seconds = math.ceil(retry_after) if retry_after is not None else None
    if status == 503 and seconds is None:
        seconds = RETRY_SECONDS
    if request.path.startswith("/botapi/"):
        response = _in_bot_api_form(status, detail, seconds)
    elif wants_problem():
        response = problem(status, code, detail, field=field, retry_after=seconds, error_id=error_id)
    else:
        response = _page(status, code=code, detail=detail, retry_after=seconds, error_id=error_id)
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


def _in_bot_api_form(status: int, detail: str, retry_after: int | None) -> Response:
    said = refusal(status, f"{HTTPStatus(status).phrase}: {detail}", retry_after)
    return Response(json.dumps(said.body), status, mimetype="application/json")


def _page(status: int, **values: Any) -> Response:
    name = status if status in PAGES else 500 if status >= 500 else 404 if status == 410 else 400
    try:
        text = render_template(f"errors/{name}.html", status=status, **values)
    except (FlotillaError, RedisError, TemplateError) as error:
        # The page itself needed the part that is away, or is what is broken.
        logger.error("the error page failed too", exc_info=error)
        return Response(f"{status} {HTTPStatus(status).phrase}\n", status, mimetype="text/plain")
    return make_response(text, status)


def _ours(error: FlotillaError) -> Response:
    if type(error).status >= 500:
        logger.warning("request failed: %s", error.code, exc_info=error.__cause__)
    if type(error).status == 500:
        return _unexpected(error)
    response = _answer(
        type(error).status,
        error.code,
        error.text,
        field=error.field,
        retry_after=error.retry_after,
    )
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _of_http(error: HTTPException) -> Response:
    """werkzeug's own errors: 404 and 405 of the routing, 413, 415, and CSRF failures."""
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error.get_response())
    code = HTTP_CODES.get(error.code, "http_error")
    text = HTTP_TEXTS.get(error.code) or Text.verbatim(error.description or HTTPStatus(error.code).phrase)
    if isinstance(error, FormRefused):
        code, text = error.cause, error.text
    response = _answer(error.code, code, text)
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _of_limit(error: RateLimitExceeded) -> Response:
    if error.response is not None:
        return make_response(error.response)
    return _ours(RateLimited("Too many requests; wait a while and try again", retry_after=seconds_left()))


def _of_redis(error: RedisError) -> Response:
    return _ours(redis_trouble(error))


def _of_data(error: DataError) -> Response:
    """What PostgreSQL cannot hold and no check before it found, such as NUL in the text of an address."""
    logger.warning("refused by the database", exc_info=error)
    return _ours(InvalidInput("The request holds a character or a number that cannot be stored"))


def _unexpected(error: Exception) -> Response:
    error_id = str(bound_ids().get("request_id") or new_request_id())
    logger.error("unexpected error %s", error_id, exc_info=error)
    text = Text("Something went wrong on our side; the log explains it under the id {id}", id=error_id)
    return _answer(500, "internal", text, error_id=error_id)
