"""What surrounds every request of the REST API: the rate of its key and the Idempotency-Key of a POST."""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from services.messaging.limits.idempotency import Answer, Claim, IdempotencyKeys
from services.platform.platform import Platform
from web.access import BY_WORKER, PUBLIC, caller, declared_here
from web.limiter import REFUSED_KEYS, limiter, look_first
from web.platform import platform
from web.worker_limits import limit_programs

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("Content-Type", "Location")
PASSING = {408, 429}  # answers that say nothing about the request itself


def register_api_hooks(blueprint: Blueprint, platform: Platform) -> None:
    """Frame the routes of an API blueprint. `security` goes first, being the application's, and tells the caller."""
    keys = IdempotencyKeys(platform)
    RATE(blueprint)
    REFUSED_KEYS(blueprint)
    limit_programs(blueprint)
    look_first(blueprint)
    blueprint.before_request(lambda: _enter(keys))
    blueprint.after_request(lambda response: _leave(keys, response))


def _rate() -> str:
    limit = platform().settings.api_rate_per_minute
    return f"{limit} per minute" if limit else ""


def _caller() -> str:
    known = caller()
    return f"{known.account_id}:{known.actor}"


def _is_no_program() -> bool:
    return declared_here() == PUBLIC or not current_user.is_authenticated or not current_user.by_key


# One object for all applications: Flask-Limiter keeps limits of blueprints by name, each object once.
RATE = limiter.shared_limit(_rate, "api", key_func=_caller, exempt_when=_is_no_program)


def _enter(keys: IdempotencyKeys) -> ResponseReturnValue | None:
    key = request.headers.get(HEADER) if request.method == "POST" else None
    if key is None or declared_here() in (PUBLIC, BY_WORKER):
        return None
    known = caller()
    claimed = keys.claim(known.account_id, known.actor, key, _identity())
    if isinstance(claimed, Answer):
        return Response(claimed.body, claimed.status, {**claimed.headers, REPLAYED: "true"})
    g.claim = claimed
    return None


def _identity() -> bytes:
    """What one key may stand for: method, path, query and body, byte by byte."""
    head = f"{request.method} {request.full_path}\n{request.content_type}\n"
    return head.encode(errors="replace") + request.get_data()


def _leave(keys: IdempotencyKeys, response: Response) -> Response:
    claim: Claim | None = g.pop("claim", None)
    if claim is None:
        return response
    final = response.status_code < 500 and response.status_code not in PASSING and not response.is_streamed
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    body = response.get_data(as_text=True) if final else ""
    keys.settle(claim, Answer(response.status_code, headers, body) if final else None)
    return response
