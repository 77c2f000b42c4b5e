"""The public link `/go/<slug>`: HTTP in, HTTP out; the decision is `services.traffic.clicks.redirect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask_login import current_user

from services.platform.accounts.principal import Principal
from services.traffic.clicks.dry_run import dry_run
from services.traffic.clicks.facts import VISITOR_COOKIE
from services.traffic.clicks.redirect import Kind, Outcome, Redirector
from web.access import caller, public
from web.fast_path import Answer
from web.lifecycle import ON_WORKER_START
from web.limiter import REDIRECT, hand_over, headers_of, limiter
from web.platform import EXTENSION, platform

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

blueprint = Blueprint("redirects", __name__)
REDIRECTOR = "flotilla.redirector"
OUTCOME = "flotilla.outcome"
DRY_RUN = "dry_run=1"
PATH = "/go/"
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


class Redirect(Response):
    """A response that says nothing of a content it does not have."""

    default_mimetype = None


def answer_early(app: Flask, environ: WSGIEnvironment) -> Answer | None:
    """The fast path's handler: a redirect at once; refusals, pages and dry runs are the view's."""
    slug: str = environ["PATH_INFO"][len(PATH) :].removesuffix("/")
    if environ["REQUEST_METHOD"] not in METHODS or "/" in slug or DRY_RUN in environ["QUERY_STRING"]:
        return None
    outcome = environ[OUTCOME] = _redirector_of(app).answer(slug, environ)
    if not outcome.location:
        return None
    headers = _headers(outcome, environ)
    if outcome.window is not None:
        headers += headers_of(outcome.limit, outcome.window)
    return "302 Found", headers


def _limit() -> str:
    """The limit of the click's pool, for which the click is made: its own script has counted the client in passing."""
    outcome = None if _tester() else _outcome()
    if outcome is None or outcome.window is None:
        return ""
    hand_over(outcome.window)
    return f"{outcome.limit} per minute"


@blueprint.get(f"{PATH}<slug>", strict_slashes=False)  # tools that build links like to add a slash
@public
@limiter.shared_limit(_limit, REDIRECT, key_func=lambda: "click", on_breach=lambda _: _page(_outcome()))
def go(slug: str) -> Response:
    """Send a visitor to the bot whose turn it is, or show why there is none."""
    tester = _tester()
    if tester is not None:
        return jsonify(dry_run(platform(), redirector(), tester, slug, request.environ))
    outcome = _outcome()
    if outcome.location:
        return Redirect(None, 302, _headers(outcome, request.environ))
    return _page(outcome)


def _tester() -> Principal | None:
    """Who wants to know where a click would lead, without making one."""
    asked = DRY_RUN in request.environ["QUERY_STRING"]
    return caller() if asked and current_user.is_authenticated else None


def _outcome() -> Outcome:
    """The answer to this request, decided and written down once."""
    made: Outcome | None = request.environ.get(OUTCOME)
    if made is None:
        slug = (request.view_args or {})["slug"]
        made = request.environ[OUTCOME] = redirector().answer(slug, request.environ)
    return made


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
