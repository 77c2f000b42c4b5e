"""What surrounds every request of the REST API: the rate of its key and the Idempotency-Key of a POST."""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from services.messaging.limits.api_requests import Answer, ApiRequests, Claim
from services.platform.platform import Platform
from web.access import PUBLIC, caller, declared_here

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("Content-Type", "Location")
PASSING = {408, 429}  # answers that say nothing about the request itself


def register_api_hooks(blueprint: Blueprint, platform: Platform) -> None:
    """Frame the routes of an API blueprint. `security` goes first, being the application's, and tells the caller."""
    requests = ApiRequests(platform)
    blueprint.before_request(lambda: _enter(requests))
    blueprint.after_request(lambda response: _leave(requests, response))


def _enter(requests: ApiRequests) -> ResponseReturnValue | None:
    if declared_here() == PUBLIC:
        return None
    known = caller()
    key = request.headers.get(HEADER) if request.method == "POST" else None
    by_key: bool = current_user.by_key
    if key is None and not by_key:
        return None
    admitted = requests.admit(
        f"{known.account_id}:{known.actor}", limited=by_key, key=key, request=_identity() if key else b""
    )
    if isinstance(admitted, Answer):
        return Response(admitted.body, admitted.status, {**admitted.headers, REPLAYED: "true"})
    if isinstance(admitted, Claim):
        g.claim = admitted
    return None


def _identity() -> bytes:
    """What one key may stand for: method, path, query and body, byte by byte."""
    head = f"{request.method} {request.full_path}\n{request.content_type}\n"
    return head.encode(errors="replace") + request.get_data()


def _leave(requests: ApiRequests, response: Response) -> Response:
    claim: Claim | None = g.pop("claim", None)
    if claim is None:
        return response
    final = response.status_code < 500 and response.status_code not in PASSING and not response.is_streamed
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    body = response.get_data(as_text=True) if final else ""
    requests.settle(claim, Answer(response.status_code, headers, body) if final else None)
    return response
