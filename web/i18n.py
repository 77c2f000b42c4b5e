"""Languages: Portuguese and English from the first page on. Who reads decides: account, cookie, browser, in that order."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, make_response, redirect, request
from flask_babel import Babel, get_locale
from flask_login import current_user

from services.core.errors import InvalidInput
from services.platform.accounts.locale import LOCALES, choose_locale
from web.access import browser_session, caller, public
from web.platform import platform
from web.security import safe_next

blueprint = Blueprint("i18n", __name__)
COOKIE = "flotilla_locale"
COOKIE_SECONDS = 365 * 24 * 3600
LANGUAGE_NAMES = {"pt_BR": "Português (Brasil)", "en": "English"}


def init_app(app: Flask) -> None:
    """Give `app` translations, the language switch and the template variables that go with them."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", LOCALES[0])
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    Babel(app, locale_selector=select_locale)  # type: ignore[no-untyped-call]
    app.register_blueprint(blueprint)
    app.context_processor(_variables)


def select_locale() -> str:
    """The language of this request: the one chosen in the account, else the cookie's, else the browser's, else Portuguese."""
    for wanted in (_of_account(), request.cookies.get(COOKIE)):
        if wanted in LOCALES:
            return str(wanted)
    return _from_browser()


def _of_account() -> str | None:
    known = browser_session()
    return known.locale if known else None


@blueprint.post("/language")
@public
def switch() -> Response:
    """Change the language: in the account when signed in, and in a cookie for the pages before sign-in."""
    wanted = request.form.get("locale", "")
    if wanted not in LOCALES:
        raise InvalidInput("Choose one of: " + ", ".join(LOCALES), field="locale")
    if current_user.is_authenticated:
        choose_locale(platform(), caller(), wanted)
    answer = make_response(redirect(safe_next(request.form.get("next"), "/panel"), code=303))
    answer.set_cookie(
        COOKIE, wanted, max_age=COOKIE_SECONDS, samesite="Lax", httponly=True, secure=request.is_secure
    )
    return answer


def _from_browser() -> str:
    tags = [tag.replace("_", "-") for tag in LOCALES]
    best = request.accept_languages.best_match([*tags, "pt", "en-US", "en-GB"])
    return LOCALES[1] if best and best.startswith("en") else LOCALES[0]


def _variables() -> dict[str, object]:
    current = str(get_locale() or LOCALES[0])
    return {"locale": current, "html_lang": current.replace("_", "-"), "languages": LANGUAGE_NAMES}
