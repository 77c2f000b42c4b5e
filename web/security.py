"""Every request's frame: its id, the access its route declares, CSRF, headers, and one log line.

The public hot paths (`/go`, webhooks, static files) pass untouched: they carry their own checks and log themselves.
"""

from __future__ import annotations

import hmac
import logging
import time
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, fresh_login_required, login_required

from services.core.errors import Forbidden, Unauthenticated
from services.core.logs import bind, new_request_id
from services.fleet.workers.tokens import resolve_worker
from services.platform.accounts.principal import Scope
from services.platform.platform import Platform
from web import csrf
from web.access import (
    BY_SIGNATURE,
    BY_WORKER,
    INTERNAL,
    PUBLIC,
    SIGNED_IN,
    caller,
    declared,
    declared_here,
    largest_body,
    wanted_freshness,
)
from web.limiter import refuse_key
from web.platform import platform
from web.proxies import is_from_this_machine
from web.second_step import lead_to_second_factor

logger = logging.getLogger(__name__)
HOT_BLUEPRINTS = {"redirects", "webhooks"}
QUIET_BLUEPRINTS = {"system"}  # probes and scrapes: their lines only at DEBUG
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer, with which browsers do not say either where a form of ours was (web/csrf.py).
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000"  # a year; without includeSubDomains, which are not ours to decide


def init_app(app: Flask, platform: Platform) -> None:
    """Put the frame around all requests of `app`."""
    settings = platform.settings
    secure = settings.app_env.is_served
    app.config.update(
        # __Host-: the browser takes it over https only, and from no other host of the domain.
        SESSION_COOKIE_NAME="__Host-flotilla" if secure else "flotilla",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=settings.remember_days),
        WTF_CSRF_CHECK_DEFAULT=False,  # checked below, once it is known whether a key or a cookie asks
        WTF_CSRF_SSL_STRICT=False,  # the Referer is looked at in web/csrf.py
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open overnight still works
    )
    csrf.protection.init_app(app)  # type: ignore[no-untyped-call]
    # Each of these runs on every click too: nothing but one look-up of the endpoint for those.
    hot = _HotEndpoints(app)
    app.before_request(lambda: None if hot[request.endpoint] else _enter())
    app.after_request(lambda answer: _leave(answer, hot[request.endpoint]))
    app.teardown_request(_unbind)


class _HotEndpoints(dict[str | None, bool]):
    """Endpoint -> whether it is a public one of redirects or webhooks, or a static file; found out once."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self._app = app

    def __missing__(self, endpoint: str | None) -> bool:
        self[endpoint] = _hot(self._app, endpoint)
        return self[endpoint]


def client_address() -> str:
    """The address of whoever asks, behind the proxies of `web.proxies`; "" when unknown."""
    return request.remote_addr or ""


def bearer_token() -> str | None:
    """What an `Authorization: Bearer …` holds: an API key or the METRICS_TOKEN."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _hot(app: Flask, endpoint: str | None) -> bool:
    if endpoint is None:
        return False
    owner = endpoint.rpartition(".")[0].rpartition(".")[2]
    if endpoint == "static" or endpoint.endswith(".static"):
        return True
    return owner in HOT_BLUEPRINTS and declared(app.view_functions[endpoint]) == PUBLIC


def _enter() -> ResponseReturnValue | None:
    g.began = time.perf_counter()
    g.request_id = new_request_id()
    g.log_binding = bind(request_id=g.request_id)
    g.log_binding.__enter__()
    if request.endpoint is None:
        return None  # routing has failed: the error page follows
    access = declared_here()
    if access is None:
        raise RuntimeError(f"{request.endpoint} declares no access (see web/access.py)")
    refusal = _admit(access)
    if refusal is not None:
        return refusal
    largest = largest_body(current_app.view_functions[request.endpoint])
    if largest is not None:  # before the form is read for its token, and once it is known who sends it
        request.max_content_length = largest
    by_key = access in (BY_WORKER, BY_SIGNATURE) or (isinstance(access, Scope) and current_user.by_key)
    if request.method in UNSAFE and not by_key:
        csrf.check_form()
    if by_key or wanted_freshness(current_app.view_functions[request.endpoint]) is None:
        return None
    stale: ResponseReturnValue | None = _freshly_signed_in()
    return stale


def _admit(access: str) -> ResponseReturnValue | None:
    """Check the declared access; an answer instead means: go and sign in."""
    if access in (PUBLIC, BY_SIGNATURE):
        return None
    if access == INTERNAL:
        return _admit_internal()
    if access == BY_WORKER:
        admit_worker((request.view_args or {}).get("worker_token") or bearer_token() or "")
        return None
    refusal: ResponseReturnValue | None = _signed_in()
    if refusal is None:
        known = caller()  # refuses OPTIONS of nobody, which Flask-Login lets pass
        if access != SIGNED_IN:
            known.require(Scope(access))
        refusal = lead_to_second_factor()
    return refusal


def admit_worker(token: str) -> None:
    """Let the program with this worker token in. Raises Unauthenticated, and RateLimitExceeded after many wrong ones."""
    try:
        g.worker = resolve_worker(platform(), token)
    except Unauthenticated:
        refuse_key()
        raise
    g.actor = f"worker:{g.worker.bot_id}"


@login_required  # type: ignore[untyped-decorator]
def _signed_in() -> ResponseReturnValue | None:
    """None when somebody is, else what `login` has Flask-Login answer."""
    return None


@fresh_login_required  # type: ignore[untyped-decorator]
def _freshly_signed_in() -> ResponseReturnValue | None:
    """None when password or code was typed lately, else what `login` has Flask-Login answer."""
    return None


def _admit_internal() -> ResponseReturnValue | None:
    token = platform().settings.metrics_token.get_secret_value()
    if _is_metrics_token(token, bearer_token()) or (not token and is_from_this_machine(request)):
        return None
    if token and bearer_token():
        refuse_key()
    if not current_user.is_authenticated:
        raise Unauthenticated(
            "Only for an admin, the METRICS_TOKEN as bearer token, or without one a program on this machine"
        )
    if not caller().is_admin:
        raise Forbidden("Only an admin may see this", code="admin_only")
    return lead_to_second_factor()


def _is_metrics_token(token: str, given: str | None) -> bool:
    return bool(token) and given is not None and hmac.compare_digest(given.encode(), token.encode())


def _leave(response: Response, hot: bool) -> Response:
    if hot and response.status_code < 400:
        if (
            request.blueprint not in HOT_BLUEPRINTS
        ):  # static files; clicks and webhooks have nothing to be read
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if platform().settings.app_env.is_served:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    if "request_id" in g:
        response.headers["X-Request-Id"] = g.request_id
        if response.mimetype != "text/event-stream":
            response.headers.setdefault("Cache-Control", "no-store")
        _log(response)
    return response


def _log(response: Response) -> None:
    """One line per request: never the query string, which may hold what people searched or were sent with."""
    level = logging.DEBUG if request.blueprint in QUIET_BLUEPRINTS else logging.INFO
    logger.log(
        level,
        "%s %s %s",
        request.method,
        _path(),
        response.status_code,
        extra={
            "endpoint": request.endpoint,
            "status": response.status_code,
            "duration_ms": round((time.perf_counter() - g.began) * 1000, 1),
            "actor": g.get("actor"),
        },
    )


def _path() -> str:
    """The path without a worker's token, which programs that speak the Bot API have in it."""
    token = (request.view_args or {}).get("worker_token")
    return request.path.replace(token, "…") if token else request.path


def _unbind(_error: BaseException | None) -> None:
    binding = g.pop("log_binding", None)
    if binding is not None:
        binding.__exit__(None, None, None)


def safe_next(target: str | None, default: str) -> str:
    """`target` if it is a path on this site, else `default`: a sign-in link must not lead elsewhere."""
    seen = (target or "").replace("\\", "/")  # as browsers read it
    if not target or not seen.startswith("/") or seen.startswith("//") or not target.isprintable():
        return default
    parts = urlsplit(seen)
    return default if parts.scheme or parts.netloc or "//" in parts.path else target
