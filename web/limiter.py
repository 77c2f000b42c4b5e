"""How often a client may ask: one Flask-Limiter for all routes, which declare their limits where they stand.

It counts in fixed windows over `services.platform.redis.windows`, so Redis being away is no error to it. Names in Redis and in logs
are keyed hashes, never an address or an e-mail.
"""

from __future__ import annotations

import math
import time
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, g, request
from flask_limiter import HeaderNames, Limiter, RequestLimit
from flask_limiter._extension import LimiterContext
from limits.storage import Storage
from redis import RedisError

from services.core.addresses import client_network
from services.core.metrics import RATE_LIMIT_HITS
from services.platform.accounts import code_limits
from services.platform.redis.windows import FixedWindows, Window
from web.platform import platform

WINDOWS = "flotilla.windows"
COUNTED = "flotilla.counted"
CONTEXT = "flotilla.limits"
REDIRECT = "redirect"  # the scope of the limit on `/go`, whose hits the redirector counts


class RequestWindows(Storage):
    """The counts of the current application as Flask-Limiter asks for them.

    What a request has counted stays with it, so that the headers of its answer cost no further round trip.
    """

    STORAGE_SCHEME = ["flotilla"]  # noqa: RUF012 - so the library reads it

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a storage that is away raises; this one counts in memory instead."""
        return RedisError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount`, or take over what the request has counted on its way here; the sum in the present window."""
        window = request.environ.pop(COUNTED, None) or _windows().count(key, expiry, amount)
        _seen()[key] = window
        return int(window.count)

    def get(self, key: str) -> int:
        """The sum in the present window."""
        return self.window(key).count

    def get_expiry(self, key: str) -> float:
        """When the window ends, in epoch seconds."""
        return self.window(key).ends_at

    def window(self, key: str) -> Window:
        """The present window as this request has seen it."""
        return _seen().get(key) or _windows().look(key)

    def clear(self, key: str) -> None:
        """Begin anew."""
        _windows().clear(key)
        _seen().pop(key, None)

    def check(self) -> bool:
        """Whether counting works: it always does."""
        return True

    def reset(self) -> int | None:
        """Nobody may clear the counts of all."""
        raise NotImplementedError


class RouteLimiter(Limiter):
    """Flask-Limiter that keeps what it knows of a request in the environ, which it looks at eight times per request, instead
    of behind proxies of proxies.
    """

    @property
    def context(self) -> LimiterContext:
        """What was counted for the present request."""
        environ = request.environ
        known: LimiterContext | None = environ.get(CONTEXT)
        if known is None:
            known = environ[CONTEXT] = LimiterContext()
        return known


def client() -> str:
    """A keyed hash of the client's address, IPv6 by its /64: the key of limits that name no other."""
    return hashed(client_network(request.remote_addr or ""))


def hashed(*parts: str) -> str:
    """A key made of what identifies a client, of which nothing can be read back."""
    return code_limits.hashed(platform(), *parts)


def _note_breach(breached: RequestLimit) -> None:
    scope = breached.request_args[-1]
    if scope != REDIRECT:
        RATE_LIMIT_HITS.labels(scope).inc()


# headers_enabled is off: Flask-Limiter puts Retry-After on every answer, and a redirect with one is to be followed later.
limiter = RouteLimiter(client, storage_uri="flotilla://", strategy="fixed-window", on_breach=_note_breach)

# Wrong API keys and METRICS_TOKENs, on the blueprints that declare it; `refuse_key` says that this was one.
REFUSED_KEYS = limiter.shared_limit("60 per minute", "key", exempt_when=lambda: "key_refused" not in g)


def init_app(app: Flask) -> None:
    """Have limits checked where they are declared: on a view by the view, on a blueprint by `look_first`.

    Being in the list already, Flask-Limiter adds none of its hooks, which would look for limits, deductions and headers that
    we do not have at every request, and cost a click as much as all of Flask's routing.
    """
    app.extensions.setdefault("limiter", set()).add(limiter)
    limiter.init_app(app)
    app.after_request(_tell)


def refuse_key() -> None:
    """Count a wrong key or token of this request. Raises RateLimitExceeded after too many: right ones pass none the less."""
    g.key_refused = True
    limiter._check_request_limit()


def look_first(blueprint: Blueprint) -> None:
    """Have the limits of a blueprint itself checked before its views."""
    blueprint.before_request(limiter._check_request_limit)


def hand_over(window: Window) -> None:
    """Let the next limit of this request take over a count that was made on the way, instead of counting itself."""
    request.environ[COUNTED] = window


def take_back(*cleared: str) -> None:
    """Uncount this request, which has turned out to be no guess; limits of the scopes `cleared` begin anew."""
    for counted in limiter.current_limits:
        if counted.request_args[-1] in cleared:
            _storage().clear(counted.key)
        else:
            _storage().incr(counted.key, counted.limit.get_expiry(), -1)


def seconds_left() -> int:
    """How long whoever was refused has to wait; at least a second."""
    current = limiter.current_limit
    return max(1, math.ceil(current.window.reset_time - time.time())) if current else 1


def headers_of(limit: int, window: Window) -> list[tuple[str, str]]:
    """What a client is told of a limit: Flask-Limiter's own names."""
    return [
        (HeaderNames.LIMIT.value, str(limit)),
        (HeaderNames.REMAINING.value, str(max(0, limit - window.count))),
        (HeaderNames.RESET.value, str(math.ceil(window.ends_at))),
    ]


def _tell(response: Response) -> Response:
    known: LimiterContext | None = request.environ.get(CONTEXT)
    if known is not None and (current := known.view_rate_limit) is not None:
        for name, value in headers_of(current.limit.amount, _storage().window(current.key)):
            response.headers.add(name, value)
    return response


def _storage() -> RequestWindows:
    return cast(RequestWindows, limiter.storage)


def _windows() -> FixedWindows:
    known = current_app.extensions.get(WINDOWS)
    if known is None:  # at the first count: an application without Redis can be made, as for `flask db`
        known = current_app.extensions.setdefault(WINDOWS, FixedWindows(platform().redis))
    return cast(FixedWindows, known)


def _seen() -> dict[str, Window]:
    seen: dict[str, Any] = request.environ.setdefault(WINDOWS, {})
    return seen
