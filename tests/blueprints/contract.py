"""What happens in these tests, held against the API's own document."""

from __future__ import annotations

from flask import Flask
from werkzeug.test import TestResponse

from blueprints.api.openapi import openapi, routes
from blueprints.api.operation import Operation
from tools.attack.contract import Contract, Exchange

_known: dict[frozenset[tuple[str, Operation]], Contract] = {}


def contract_of(app: Flask) -> Contract:
    """The contract of an application; the same for all that serve the same."""
    served = frozenset((route.rule.rule, route.operation) for route in routes(app))
    if served not in _known:
        _known[served] = Contract(openapi(app))
    return _known[served]


def exchange_of(method: str, answer: TestResponse, sent: str | bytes | None) -> Exchange:
    """A request of a test client and its answer."""
    request = answer.request
    return Exchange(
        method,
        request.path,
        frozenset(request.args),
        sent,
        answer.status_code,
        dict(answer.headers.items()),
        answer.data,
    )
