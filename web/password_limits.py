"""Guesses at passwords, slowed down so that nobody can lock the owner of an account out by guessing wrong.

A browser that has signed in to an account before carries a signed cookie that says so (OWASP calls it a device cookie). It
has a limit of its own, which nobody else can use up. All others share limits by address, by address and account, and a slow
one over all addresses, which stops guesses from many places and with them, for that hour, browsers never seen before.

An attempt is counted before the password is checked, so that guesses sent at the same moment do not pass together, and
uncounted when the password was right.
"""

from __future__ import annotations

import secrets
from typing import Any, cast

from flask import current_app, g, request
from flask_login import current_user
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug import Response

from services.platform.accounts.accounts import password_stamp
from web.access import View
from web.limiter import client, hashed, limiter, take_back
from web.platform import platform

COOKIE = "flotilla_browser"
COOKIE_SECONDS = 365 * 24 * 3600
MAX_ACCOUNTS = 5  # that one browser is known to: the cookie must not grow
PER_ADDRESS = "30 per 15 minutes"  # an office behind one address mistypes too
PER_PERSON = "10 per 15 minutes"  # as far as one can be told from others
PER_ACCOUNT = "100 per hour"


def limit_sign_in(view: View) -> View:
    """Declare the limits of a route that takes `email` and a password; `admit` says that it was the right one."""
    for limit in (
        limiter.shared_limit(PER_ADDRESS, "sign_in", exempt_when=_is_known),
        limiter.shared_limit(PER_PERSON, "sign_in_account", key_func=_account_here, exempt_when=_is_known),
        limiter.shared_limit(PER_ACCOUNT, "sign_in_anywhere", key_func=_account, exempt_when=_is_known),
        limiter.shared_limit(PER_PERSON, "sign_in_browser", key_func=_browser, exempt_when=_is_unknown),
    ):
        view = cast(View, limit(view))
    return view


def limit_confirmation(view: View) -> View:
    """Declare the limit of a route that asks who is signed in for the password; `confirmed` says that it was right.

    It is each sign-in's own: a stolen one must not keep the owner from changing the password. More of them need it.
    """
    limit = limiter.shared_limit(PER_PERSON, "password", key_func=_sign_in)
    return cast(View, limit(view))


def confirmed() -> None:
    """The password was right: forget the failures before it."""
    take_back("password")


def admit(response: Response) -> Response:
    """The password was right: forget the failures before it, and know the browser from now on."""
    take_back("sign_in_account", "sign_in_browser")
    browser, accounts = _cookie()
    known = dict.fromkeys((_known_account(), *accounts))
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


def _account() -> str:
    return hashed("account", _email())


def _account_here() -> str:
    return hashed("account", _email(), client())


def _browser() -> str:
    return hashed("account", _email(), _cookie()[0])


def _email() -> str:
    return request.form.get("email", "").strip().lower()


def _is_known() -> bool:
    if "is_known_browser" not in g:
        accounts = _cookie()[1]
        g.is_known_browser = bool(accounts) and _known_account() in accounts
    known: bool = g.is_known_browser
    return known


def _is_unknown() -> bool:
    return not _is_known()


def _known_account() -> str:
    """How the cookie names the account; not any more once the password has changed: who knew the old one may guess."""
    return hashed("known browser", _email(), password_stamp(platform(), _email()))


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
