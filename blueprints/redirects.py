"""The public link `/go/<slug>`: HTTP in, HTTP out; the decision is `services.traffic.clicks.redirect`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask_login import current_user

from services.traffic.clicks.dry_run import dry_run
from services.traffic.clicks.facts import VISITOR_COOKIE
from services.traffic.clicks.redirect import Kind, Outcome, Redirector
from web.access import caller, public
from web.lifecycle import ON_WORKER_START
from web.platform import EXTENSION, platform

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

blueprint = Blueprint("redirects", __name__)
REDIRECTOR = "flotilla.redirector"
OUTCOME = "flotilla.outcome"
DRY_RUN = "dry_run=1"
METHODS = {"GET", "HEAD"}
COOKIE = f"; Max-Age={365 * 86400}; Path=/go; HttpOnly; SameSite=Lax"
HEADERS = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex"),
)
PAGE_HEADERS = (
    *HEADERS,
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Vary", "Accept-Language"),
)
PAGES = {Kind.UNKNOWN: ("redirects/unknown.html", 404), Kind.UNAVAILABLE: ("redirects/unavailable.html", 503)}


@blueprint.get("/go/<slug>", strict_slashes=False)  # tools that build links like to add a slash
@public
def go(slug: str) -> Response:
    """Send a visitor to the bot whose turn it is, or show why there is none."""
    if DRY_RUN in request.environ["QUERY_STRING"] and current_user.is_authenticated:
        return jsonify(dry_run(platform(), redirector(), caller(), slug, request.environ))
    outcome = request.environ.get(OUTCOME) or redirector().answer(slug, request.environ)
    if outcome.location:
        return Response(None, 302, _headers(outcome, request.environ))
    return _page(outcome)


class Shortcut:
    """Answers redirects before Flask: its routing, contexts and response cost more than the whole decision.

    Everything but a plain redirect goes on to the view, with the outcome if there is one already.
    """

    def __init__(self, app: Flask, onward: WSGIApplication) -> None:
        self._app = app
        self._onward = onward

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """A WSGI application."""
        path: str = environ["PATH_INFO"]
        slug = path[4:].removesuffix("/")
        if (
            path.startswith("/go/")
            and environ["REQUEST_METHOD"] in METHODS
            and "/" not in slug
            and DRY_RUN not in environ["QUERY_STRING"]
        ):
            outcome = _redirector_of(self._app).answer(slug, environ)
            if outcome.location:
                start_response("302 Found", _headers(outcome, environ))
                return ()
            environ[OUTCOME] = outcome
        return self._onward(environ, start_response)


def init_app(app: Flask) -> None:
    """Put the shortcut in front of `app`; whatever counts proxies must come to stand before it."""
    app.wsgi_app = Shortcut(app, app.wsgi_app)  # type: ignore[method-assign]


def redirector() -> Redirector:
    """The redirector of this process's application; made at the first call, which does no I/O."""
    return _redirector_of(current_app)


def _redirector_of(app: Flask) -> Redirector:
    known = app.extensions.get(REDIRECTOR)
    if known is None:
        known = app.extensions.setdefault(REDIRECTOR, Redirector(app.extensions[EXTENSION]))
    return cast(Redirector, known)


def start(app: Flask) -> None:
    """Fill the book of pools and start its listeners, before the first visitor comes."""
    _redirector_of(app).start()


ON_WORKER_START.append(start)


def _page(outcome: Outcome) -> Response:
    template, status = PAGES.get(outcome.kind, ("redirects/limited.html", 429))
    language = request.accept_languages.best_match(["pt", "en"], "pt")
    # Not render_template: the panel's context processors would look up a session on a public page.
    page = current_app.jinja_env.get_template(template)
    body = page.render(language=language, retry_after=outcome.retry_after)
    response = Response(body, status, PAGE_HEADERS, "text/html")
    if outcome.retry_after:
        response.headers["Retry-After"] = str(outcome.retry_after)
    return response


def _headers(outcome: Outcome, environ: WSGIEnvironment) -> list[tuple[str, str]]:
    headers = [("Location", outcome.location), ("Content-Length", "0"), *HEADERS]
    if outcome.new_visitor:
        secure = "; Secure" if environ["wsgi.url_scheme"] == "https" else ""
        headers.append(("Set-Cookie", f"{VISITOR_COOKIE}={outcome.new_visitor}{COOKIE}{secure}"))
    return headers
