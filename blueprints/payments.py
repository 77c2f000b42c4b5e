"""What payment providers call. Unknown addresses and wrong signatures are the same 401."""

from __future__ import annotations

from flask import Blueprint, Response, request

from services.core.errors import Unauthenticated
from services.traffic.payments.receiving import LARGEST_BODY, receive_call
from web.access import by_signature
from web.limiter import limiter
from web.platform import platform

blueprint = Blueprint("payments", __name__)


@blueprint.post("/payments/<path_id>")
@by_signature
@limiter.limit("600 per minute")
def receive(path_id: str) -> Response:
    """Take a call of a payment provider."""
    request.max_content_length = LARGEST_BODY
    if not receive_call(platform(), path_id, dict(request.headers), request.get_data(cache=False)):
        raise Unauthenticated("This address or the signature is wrong", code="call_refused")
    return Response(status=200)
