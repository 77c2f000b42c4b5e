"""Languages: Portuguese and English from the first page on. Who reads decides: account, cookie, browser, in that order."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace

from flask import Blueprint, Flask, Response, make_response, redirect, request
from flask_babel import Babel, Domain, get_locale
from flask_login import current_user

from services.core.errors import InvalidInput
from services.core.i18n import LOCALES, Text, catalogue
from services.platform.accounts.locale import choose_locale
from web.access import browser_session, caller, public
from web.platform import platform
from web.reader_language import for_json, translated
from web.security import safe_next

blueprint = Blueprint("i18n", __name__)
COOKIE = "flotilla_locale"
COOKIE_SECONDS = 365 * 24 * 3600
LANGUAGE_NAMES = {"pt_BR": "Português (Brasil)", "en": "English"}


class _Domain(Domain):
    """Pages read the catalogue that services read, by the names that Flask-Babel has for it."""

    def get_translations(self) -> SimpleNamespace:
        return _catalogue(str(get_locale()))


@lru_cache(maxsize=len(LOCALES))
def _catalogue(locale: str) -> SimpleNamespace:
    known = catalogue(locale)
    return SimpleNamespace(
        ugettext=known.gettext,
        ungettext=known.ngettext,
        upgettext=known.pgettext,
        unpgettext=known.npgettext,
    )


def init_app(app: Flask) -> None:
    """Give `app` translations, the language switch and the template variables that go with them."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", LOCALES[0])
    babel = Babel(app, locale_selector=select_locale)  # type: ignore[no-untyped-call]
    babel.domain_instance = _Domain()  # type: ignore[no-untyped-call]
    app.jinja_env.filters["translated"] = translated
    app.json.default = for_json  # type: ignore[attr-defined]
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
        raise InvalidInput(Text("Choose one of: {choices}", choices=", ".join(LOCALES)), field="locale")
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
