"""Every request's frame: its id, its caller, the access its route declares, CSRF, headers, and one log line.

The public hot paths (`/go`, webhooks, static files) pass untouched: they carry their own checks and log themselves.
"""

from __future__ import annotations

import hmac
import logging
import time
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from services.core.errors import Forbidden, Unauthenticated
from services.core.logs import bind, new_request_id
from services.core.settings import AppEnv
from services.platform.accounts.api_keys import resolve_key
from services.platform.accounts.principal import Principal, Scope
from services.platform.accounts.sessions import SignedIn, resume_session
from services.platform.platform import Platform
from web.access import INTERNAL, PUBLIC, SIGNED_IN, declared
from web.errors import wants_problem
from web.platform import platform

logger = logging.getLogger(__name__)
csrf = CSRFProtect()  # type: ignore[no-untyped-call]
HOT_BLUEPRINTS = {"redirects", "webhooks"}
QUIET_BLUEPRINTS = {"system"}  # probes and scrapes: their lines only at DEBUG
SESSION_SECRET = "sid"  # noqa: S105 - the name under which the cookie holds it
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: the CSRF check of https forms looks at the Referer of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000"  # a year; without includeSubDomains, which are not ours to decide


def init_app(app: Flask, platform: Platform) -> None:
    """Put the frame around all requests of `app`."""
    settings = platform.settings
    secure = settings.app_env is AppEnv.PROD
    app.config.update(
        # __Host-: the browser takes it over https only, and from no other host of the domain.
        SESSION_COOKIE_NAME="__Host-flotilla" if secure else "flotilla",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=settings.session_hours * 3600,
        WTF_CSRF_CHECK_DEFAULT=False,  # checked below, once it is known whether a key or a cookie asks
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page left open overnight still works
    )
    csrf.init_app(app)  # type: ignore[no-untyped-call]
    if settings.trusted_proxies:
        # Hosts and ports are not taken from headers; the scheme is what the nearest proxy says.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1)  # type: ignore[method-assign]
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
    """The address of whoever asks, behind exactly TRUSTED_PROXIES proxies; "" when unknown."""
    return request.remote_addr or ""


def signed_in_session() -> SignedIn | None:
    """The browser session of this request, looked up once; None when there is none. Any page may ask."""
    if "signed_in" not in g:
        secret = session.get(SESSION_SECRET)
        g.signed_in = (
            resume_session(platform(), secret, client_address()) if isinstance(secret, str) else None
        )
        if g.signed_in is not None and g.signed_in.prolonged:
            session.modified = True  # the cookie lasts as long as the row
    found: SignedIn | None = g.signed_in
    return found


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
    access = declared(current_app.view_functions[request.endpoint])
    if access is None:
        raise RuntimeError(f"{request.endpoint} declares no access (see web/access.py)")
    refusal = _admit(access)
    if refusal is None and request.method in UNSAFE and not g.get("by_key"):
        csrf.protect()  # type: ignore[no-untyped-call]
    return refusal


def _admit(access: str) -> ResponseReturnValue | None:
    """Check the declared access and leave the caller in `g.caller`; an answer instead means: go and sign in."""
    if access == PUBLIC:
        return None
    if access == INTERNAL:
        _admit_internal()
        return None
    key = _api_key() if access != SIGNED_IN else None
    if key is not None:
        g.by_key = True
        g.caller = resolve_key(platform(), key, client_address())
    else:
        found = signed_in_session()
        if found is None:
            return _ask_to_sign_in(access)
        g.caller = found.caller
    if access != SIGNED_IN:
        caller: Principal = g.caller
        caller.require(Scope(access))
    return None


def _ask_to_sign_in(access: str) -> ResponseReturnValue:
    if access != SIGNED_IN or wants_problem():
        raise Unauthenticated("Sign in, or send an API key as Authorization: Bearer flk_…")
    here = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else "/panel"
    return redirect(f"{url_for('auth.login')}?next={quote(here, safe='/')}")


def _admit_internal() -> None:
    token = platform().settings.metrics_token.get_secret_value()
    given = _bearer()
    if token and given is not None and hmac.compare_digest(given.encode(), token.encode()):
        return
    if _from_loopback():
        return
    found = signed_in_session()
    if found is None:
        raise Unauthenticated("Only for this machine, an admin, or the METRICS_TOKEN as bearer token")
    if not found.caller.is_admin:
        raise Forbidden("Only an admin may see this", code="admin_only")
    g.caller = found.caller


def _from_loopback() -> bool:
    """The client itself is on this machine. A forwarding header nobody vouches for means a proxy in between."""
    believed = platform().settings.trusted_proxies
    hops = len(request.headers.get("X-Forwarded-For", "").split(",")) if _forwarded() else 0
    if hops and (not believed or hops < believed):
        return False
    try:
        return ip_address(client_address()).is_loopback
    except ValueError:
        return False


def _forwarded() -> bool:
    return any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"))


def _bearer() -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _api_key() -> str | None:
    return _bearer() or request.headers.get("X-API-Key")


def _leave(response: Response, hot: bool) -> Response:
    if hot and response.status_code < 400:
        return response
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if platform().settings.app_env is AppEnv.PROD:
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
        request.path,
        response.status_code,
        extra={
            "endpoint": request.endpoint,
            "status": response.status_code,
            "duration_ms": round((time.perf_counter() - g.began) * 1000, 1),
            "actor": g.caller.actor if "caller" in g else None,
        },
    )


def _unbind(_error: BaseException | None) -> None:
    binding = g.pop("log_binding", None)
    if binding is not None:
        binding.__exit__(None, None, None)


def safe_next(target: str | None, default: str) -> str:
    """`target` if it is a path on this site, else `default`: a sign-in link must not lead elsewhere."""
    if not target or not target.startswith("/") or target.startswith("//") or not target.isprintable():
        return default
    parts = urlsplit(target.replace("\\", "/"))
    return default if parts.scheme or parts.netloc or parts.path.startswith("//") else target
