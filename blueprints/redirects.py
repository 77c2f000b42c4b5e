"""The public link `/go/<slug>` (R2): HTTP in, HTTP out; the decision is `services.clicks.redirect`."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask, Response, current_app, request

from blueprints.access import public
from blueprints.lifecycle import STARTERS
from blueprints.platform import platform
from services.clicks.facts import VISITOR_COOKIE
from services.clicks.redirect import Kind, Outcome, Redirector

blueprint = Blueprint("redirects", __name__)
REDIRECTOR = "flotilla.redirector"
VISITOR_SECONDS = 365 * 86400
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


@blueprint.get("/go/<slug>")
@public
def go(slug: str) -> Response:
    """Send a visitor to the bot whose turn it is."""
    outcome = redirector().answer(slug, request.environ)
    if outcome.location:
        response = Response(None, 302, [("Location", outcome.location), *HEADERS], "text/plain")
        response.autocorrect_location_header = False
    else:
        response = _page(outcome)
    if outcome.new_visitor:
        response.headers["Set-Cookie"] = _cookie(outcome.new_visitor)
    return response


def redirector() -> Redirector:
    """The redirector of this process's application; made at the first call, which does no I/O."""
    return _redirector_of(current_app)


def _redirector_of(app: Flask) -> Redirector:
    known = app.extensions.get(REDIRECTOR)
    if known is None:
        known = app.extensions.setdefault(REDIRECTOR, Redirector(platform()))
    return cast(Redirector, known)


def start(app: Flask) -> None:
    """Fill the book of pools and start its listeners, before the first visitor comes."""
    with app.app_context():
        redirector().start()


STARTERS.append(start)


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


def _cookie(visitor: str) -> str:
    secure = "; Secure" if request.is_secure else ""
    return f"{VISITOR_COOKIE}={visitor}; Max-Age={VISITOR_SECONDS}; Path=/go; HttpOnly; SameSite=Lax{secure}"
