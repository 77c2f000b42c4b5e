"""Who is signed in, by Flask-Login: `current_user` is a person by a browser's session or a program by its API key.

A session is a row that can be revoked at any time; its cookie holds the row's secret, which is `get_id()` here. "Remember me"
makes that same cookie last, instead of a second one with the same secret (ADR 19). A sign-in is fresh while the moment in
the cookie at which the password was typed is at most FRESH_LOGIN_MINUTES old; with two-step sign-in, a code half an hour (ADR 35).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Flask, Request, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    login_user,
    logout_user,
    user_logged_in,
    user_login_confirmed,
)

from services.core.errors import Forbidden, Unauthenticated
from services.core.times import utc_now
from services.platform.accounts.api_keys import resolve_key
from services.platform.accounts.principal import Principal, Scope
from services.platform.accounts.second_factor import is_fresh
from services.platform.accounts.sessions import SignedIn, end_session, resume_session
from web.access import SIGNED_IN, declared_here, wanted_freshness
from web.errors import wants_problem
from web.limiter import refuse_key
from web.platform import platform
from web.security import bearer_token, client_address

HOME = "/panel"
CONFIRMED_AT = "_confirmed_at"  # in the cookie, seconds since 1970: when password or code was last typed
login_manager = LoginManager()
login_manager.session_protection = None  # a changed address signs nobody out; rows are revocable


class User(UserMixin):  # type: ignore[misc]
    """What `current_user` is: a `caller`, by the session of a browser or, without one, by an API key."""

    def __init__(self, caller: Principal, session: SignedIn | None = None, secret: str = "") -> None:
        self.caller = caller
        self.session = session
        self._secret = secret

    def get_id(self) -> str:
        """What the cookie holds: the secret of the session's row."""
        return self._secret

    @property
    def by_key(self) -> bool:
        """Whether this is a program with an API key."""
        return self.session is None


def init_app(app: Flask) -> None:
    """Let Flask-Login tell who is signed in to `app`."""
    # All that LoginManager.init_app does beside hanging a hook on every answer, clicks included, that reads the session
    # to keep Flask-Login's own cookie. Nothing sets that cookie; what comes under its name is no sign-in.
    app.login_manager = login_manager  # type: ignore[attr-defined]
    app.config["REMEMBER_COOKIE_NAME"] = ""


def login_browser(secret: str, *, remember: bool = False) -> None:
    """Sign this browser in with a new session's secret. Nothing of the session before, its CSRF token included, survives."""
    forget_browser()
    user = _of_session(secret)
    if user is None:
        raise Unauthenticated("Sign in")  # revoked in this very moment
    login_user(user, remember=remember)


def logout_browser() -> None:
    """Sign this browser out."""
    end_session(platform(), current_user.get_id())
    logout_user()
    session.clear()


def forget_browser() -> None:
    """End whatever sign-in this browser has, a half one too, before the next."""
    if current_user.is_authenticated:
        end_session(platform(), current_user.get_id())
    session.clear()


@login_manager.user_loader  # type: ignore[untyped-decorator]
def _load_by_session(secret: str) -> User | None:
    # Flask-Login asks the session first, but a key goes before it.
    return _of_session(secret) if _api_key() is None else None


@login_manager.request_loader  # type: ignore[untyped-decorator]
def _load_by_key(_request: Request) -> User | None:
    key = _api_key()
    if key is None:
        return None
    try:
        caller = resolve_key(platform(), key, client_address())
    except Unauthenticated as refusal:
        g.key_refusal = refusal  # what is wrong with the key, for `_ask_to_sign_in`
        return None
    g.actor = caller.actor
    return User(caller)


@login_manager.unauthorized_handler  # type: ignore[untyped-decorator]
def _ask_to_sign_in() -> ResponseReturnValue:
    if "key_refusal" in g:
        refuse_key()
        raise g.key_refusal
    if declared_here() != SIGNED_IN or wants_problem():
        raise Unauthenticated("Sign in, or send an API key as Authorization: Bearer flk_…")
    return redirect(f"{url_for('auth.login')}?next={quote(_way_back(), safe='/')}")


@login_manager.needs_refresh_handler  # type: ignore[untyped-decorator]
def _ask_for_the_password() -> ResponseReturnValue:
    if wants_problem():
        if current_user.session.has_second_factor:
            raise Forbidden("Type a code of your app to go on", code="fresh_sign_in_required")
        raise Forbidden("Type your password again to go on", code="fresh_sign_in_required")
    return redirect(f"{url_for('auth.ask_password')}?next={quote(_way_back(), safe='/')}")


@user_logged_in.connect  # type: ignore[untyped-decorator]
def _logged_in(_app: Flask, **_: object) -> None:
    """`login_user(remember=True)` leaves "_remember": the session's cookie lasts as long as its row."""
    session.permanent = session.pop("_remember", None) == "set"
    session[CONFIRMED_AT] = int(time.time())


@user_login_confirmed.connect  # type: ignore[untyped-decorator]
def _confirmed(_app: Flask, **_: object) -> None:
    session[CONFIRMED_AT] = int(time.time())


def _of_session(secret: str) -> User | None:
    found = resume_session(platform(), secret, client_address())
    if found is None:
        return None
    if found.prolonged:
        session.modified = True  # the cookie lasts as long as the row
    if session.get("_fresh") and not _typed_lately(found):
        session["_fresh"] = False  # what `login_fresh()` reads
    g.actor = found.caller.actor
    return User(found.caller, found, secret)


def _typed_lately(known: SignedIn) -> bool:
    typed_at = session.get(CONFIRMED_AT, 0)
    if known.has_second_factor:  # and so a code was typed: turning it on has ended all other sessions
        return is_fresh(datetime.fromtimestamp(typed_at, UTC), now=utc_now())
    return bool(time.time() - typed_at < platform().settings.fresh_login_minutes * 60)


def _api_key() -> str | None:
    """The key sent along, where the route takes one."""
    if not isinstance(declared_here(), Scope):
        return None
    return bearer_token() or request.headers.get("X-API-Key")


def _way_back() -> str:
    """Where to go on afterwards: this page, or the one whose form was sent, with what had been filled in."""
    if request.method in {"GET", "HEAD"}:
        return request.full_path.rstrip("?")
    form = wanted_freshness(current_app.view_functions[request.endpoint or ""])
    if form is None or not form.page:
        return HOME
    typed: dict[str, Any] = {name: request.form.getlist(name) for name in form.keep if request.form.get(name)}
    return url_for(form.page, _anchor=form.part or None, **typed)
