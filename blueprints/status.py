"""The public status page of an account: no sign-in, no script, no cookie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from babel.dates import format_date, format_datetime
from flask import Blueprint, Response, current_app, request
from flask_babel import force_locale

from services.core.i18n import LOCALES
from services.reporting.status_page.page import PublicPage
from services.reporting.status_page.visitors import KEPT_SECONDS, public_page
from web.access import public
from web.limiter import limiter
from web.platform import platform

blueprint = Blueprint("status", __name__)
TEMPLATE = "status/page.html"


@blueprint.get("/status/<token>")
@public
@limiter.shared_limit("60 per minute", "status")
def page(token: str) -> Response:
    """The page, in the language of the visitor's browser."""
    found = public_page(platform(), token, reader_language(), rendered)
    answer = Response(found.html, mimetype="text/html")
    answer.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    answer.headers["Vary"] = "Accept-Language"
    answer.headers["Referrer-Policy"] = "no-referrer"  # its address is all that protects it
    if not found.allows_search:
        answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def rendered(found: PublicPage, *, is_preview: bool = False) -> str:
    """The page as HTML. Not by `render_template`: the panel's context processors would look up a session."""
    locale = reader_language()
    with force_locale(locale):
        template = current_app.jinja_env.get_template(TEMPLATE)
        return template.render(
            page=found,
            language=locale.replace("_", "-"),
            is_preview=is_preview,
            days=_days(found, locale),
            moment=lambda at: format_datetime(datetime.fromisoformat(at), "short", tzinfo=UTC, locale=locale),
        )


def _days(found: PublicPage, locale: str) -> list[str]:
    """The dates of the bars in the reader's way of writing."""
    first = datetime.fromisoformat(found["first_day"])
    length = max((len(pool["days"]) for pool in found["pools"]), default=0)
    return [format_date(first + timedelta(days=number), "short", locale=locale) for number in range(length)]


def reader_language() -> str:
    """The language of the visitor's browser; nobody is signed in here."""
    best = request.accept_languages.best_match(["pt-BR", "pt", "en", "en-US", "en-GB"], "pt")
    return LOCALES[1] if best.startswith("en") else LOCALES[0]
