"""Guesses at passwords and at codes of two-step sign-in, slowed down so that nobody can lock the owner of an account out by guessing wrong.

A browser that has signed in to an account before carries a signed cookie that says so (OWASP calls it a device cookie). It
has a limit of its own, which nobody else can use up. All others share limits by address, by address and account, and a slow
one over all addresses, which stops guesses from many places and with them, for that hour, browsers never seen before.

Codes are guessed only by who has the password or a sign-in; six digits bear fewer guesses over all addresses.

An attempt is counted before password or code is checked, so that guesses sent at the same moment do not pass together, and
uncounted when it was right.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, cast

from flask import current_app, g, request
from flask_login import current_user
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug import Response

from services.platform.accounts.accounts import password_stamp
from services.platform.accounts.code_limits import CODES_PER_ACCOUNT, PER_PERSON
from web.access import View
from web.limiter import client, hashed, limiter, take_back
from web.platform import platform
from web.second_step import half_signed_in

COOKIE = "flotilla_browser"
COOKIE_SECONDS = 365 * 24 * 3600
MAX_ACCOUNTS = 5  # that one browser is known to: the cookie must not grow
PER_ADDRESS = "30 per 15 minutes"  # an office behind one address mistypes too
PER_ACCOUNT = "100 per hour"


def limit_sign_in(view: View) -> View:
    """Declare the limits of a route that takes `email` and a password; `admit` says that it was the right one."""
    by_address = limiter.shared_limit(PER_ADDRESS, "sign_in", exempt_when=lambda: _is_known(_email()))
    return _limited(cast(View, by_address(view)), _email, "sign_in", PER_ACCOUNT)


def limit_confirmation(view: View) -> View:
    """Declare the limit of a route that asks who is signed in for the password; `confirmed` says that it was right.

    It is each sign-in's own: a stolen one must not keep the owner from changing the password. More of them need it.
    """
    limit = limiter.shared_limit(PER_PERSON, "password", key_func=_sign_in)
    return cast(View, limit(view))


def limit_code(view: View) -> View:
    """Declare the limits of a route that takes a `code` of who is signed in, or half; `confirmed` and `admit` say that it was right.

    They hold nobody who has no second factor, and of whom the route asks something else.
    """
    return _limited(view, _code_of, "code", CODES_PER_ACCOUNT)


def confirmed() -> None:
    """Password or code was right: forget the failures before it."""
    take_back("password", "code_account", "code_browser")


def admit(response: Response, email: str) -> Response:
    """Password, and code, were right: forget the failures before them, and know the browser from now on."""
    take_back("sign_in_account", "sign_in_browser", "code_account", "code_browser")
    browser, accounts = _cookie()
    known = dict.fromkeys((_known_account(email), *accounts))
    response.set_cookie(
        COOKIE,
        _signer().dumps([browser or secrets.token_hex(8), list(known)[:MAX_ACCOUNTS]]),
        max_age=COOKIE_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Strict",
    )
    return response


def _sign_in() -> str:
    return f"session:{current_user.session.session_id}"


def _limited(view: View, whose: Callable[[], str | None], scope: str, anywhere: str) -> View:
    """Limits of guesses at what `whose` account is opened with, by address, over all addresses, and for known browsers."""

    def known() -> bool:
        return whose() is None or _is_known(whose() or "")

    def unknown() -> bool:
        return whose() is None or not _is_known(whose() or "")

    for limit in (
        limiter.shared_limit(
            PER_PERSON, f"{scope}_account", key_func=lambda: _key(whose(), client()), exempt_when=known
        ),
        limiter.shared_limit(
            anywhere, f"{scope}_anywhere", key_func=lambda: _key(whose()), exempt_when=known
        ),
        limiter.shared_limit(
            PER_PERSON, f"{scope}_browser", key_func=lambda: _key(whose(), _cookie()[0]), exempt_when=unknown
        ),
    ):
        view = cast(View, limit(view))
    return view


def _key(email: str | None, *place: str) -> str:
    return hashed("account", email or "", *place)


def _email() -> str:
    return request.form.get("email", "").strip().lower()


def _code_of() -> str | None:
    """Whose code this request tries: never what the form says. None without second factor."""
    if current_user.is_authenticated:
        known = current_user.session
        return known.email if known.has_second_factor else None
    half = half_signed_in()
    return half.wanted.email if half else None


def _is_known(email: str) -> bool:
    known: dict[str, bool] = g.setdefault("known_browser", {})
    if email not in known:
        accounts = _cookie()[1]
        known[email] = bool(accounts) and _known_account(email) in accounts
    return known[email]


def _known_account(email: str) -> str:
    """How the cookie names the account; not any more once the password has changed: who knew the old one may guess."""
    return hashed("known browser", email, password_stamp(platform(), email))


def _cookie() -> tuple[str, list[str]]:
    """The browser's id and the accounts it has signed in to; nothing without a cookie that we have signed."""
    try:
        browser, accounts = _signer().loads(request.cookies.get(COOKIE, ""), max_age=COOKIE_SECONDS)
    except BadData:
        return "", []
    return str(browser), [str(account) for account in accounts]


def _signer() -> URLSafeTimedSerializer:
    key: Any = current_app.secret_key
    return URLSafeTimedSerializer(key, salt="known browser")
