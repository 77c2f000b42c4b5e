"""Auth: signing in and out, first start, a new password by link."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import confirm_login, current_user, login_fresh

from services.core.errors import FlotillaError, Unauthenticated
from services.platform.accounts import (
    accounts,
    password_links,
    second_factor,
    sessions,
    setup_code,
)
from web import password_limits, second_step
from web.access import caller, public, signed_in, to_second_factor
from web.errors import wants_problem
from web.limiter import limiter
from web.login import HOME, forget_browser, login_browser, logout_browser
from web.platform import platform
from web.security import client_address, safe_next

blueprint = Blueprint("auth", __name__)


@blueprint.get("/login")
@public
def login() -> ResponseReturnValue:
    """The sign-in form; on an installation without accounts, the way to its setup."""
    if current_user.is_authenticated:
        return redirect(_next())
    if not setup_code.has_account(platform()):
        return redirect(url_for("auth.setup"))
    return render_template("auth/login.html", email="", remember=False, days=_days_remembered(), error=None)


@blueprint.post("/login")
@public
@password_limits.limit_sign_in
def sign_in() -> ResponseReturnValue:
    """Check e-mail and password and begin a session."""
    email, remember = request.form.get("email", ""), "remember" in request.form
    password = request.form.get("password", "")
    try:
        signed_in = sessions.authenticate(
            platform(), email, password, client_address(), _agent(), remember=remember
        )
    except FlotillaError as error:
        return _sign_in_page(error, email=email, remember=remember)
    if isinstance(signed_in, sessions.CodeWanted):
        forget_browser()
        second_step.begin(signed_in, remember=remember)
        return redirect(url_for("auth.ask_code", next=request.args.get("next")))
    login_browser(signed_in, remember=remember)
    return password_limits.admit(redirect(_next()), email.strip().lower())


@blueprint.get("/login/code")
@public
def ask_code() -> ResponseReturnValue:
    """The form for the code of two-step sign-in; without a password typed just before, the way to that."""
    if second_step.half_signed_in() is None:
        return redirect(url_for("auth.login", next=request.args.get("next")))
    return render_template("auth/code.html", error=None)


@blueprint.post("/login/code")
@public
@password_limits.limit_code
def sign_in_with_code() -> ResponseReturnValue:
    """Complete a half sign-in with a code and begin the session."""
    half = second_step.half_signed_in()
    try:
        if half is None:
            raise Unauthenticated("The sign-in took too long; begin again", code="sign_in_expired")
        code, remember = request.form.get("code", ""), half.remember
        secret = sessions.finish_sign_in(
            platform(), half.wanted, code, client_address(), _agent(), remember=remember
        )
    except Unauthenticated as error:
        return _sign_in_page(error)
    except FlotillaError as error:
        return _again("auth/code.html", error)
    login_browser(secret, remember=remember)
    return password_limits.admit(redirect(_next()), half.wanted.email)


@blueprint.get("/login/confirm")
@signed_in
@to_second_factor
def ask_password() -> ResponseReturnValue:
    """The form that asks a signed-in person for the password again, or a code, before something that it protects."""
    if login_fresh():
        return redirect(_next())
    return render_template("auth/confirm.html", back=_next(), error=None)


@blueprint.post("/login/confirm")
@signed_in
@to_second_factor
@password_limits.limit_confirmation
@password_limits.limit_code
def confirm_password() -> ResponseReturnValue:
    """Make the sign-in fresh; scripts of the panel ask for JSON and get 204."""
    try:
        if current_user.session.has_second_factor:
            second_factor.confirm_code(platform(), caller(), request.form.get("code", ""))
        else:
            sessions.confirm_password(platform(), caller(), request.form.get("password", ""))
    except FlotillaError as error:
        if wants_problem():
            raise
        return _again("auth/confirm.html", error, back=_next())
    confirm_login()
    password_limits.confirmed()
    return ("", 204) if wants_problem() else redirect(_next())


@blueprint.post("/logout")
@signed_in
@to_second_factor
def logout() -> ResponseReturnValue:
    """End this browser's session."""
    logout_browser()
    return redirect(url_for("auth.login"))


@blueprint.get("/setup")
@public
def setup() -> ResponseReturnValue:
    """The form for the first account; gone once there is one."""
    if setup_code.has_account(platform()):
        return redirect(url_for("auth.login"))
    return render_template("auth/setup.html", code=request.args.get("code", ""), email="", error=None)


@blueprint.post("/setup")
@public
@limiter.shared_limit("10 per 15 minutes", "setup")
def create_first_account() -> ResponseReturnValue:
    """Make the first account with the code of the server's console, and sign it in."""
    form = request.form
    try:
        secret = setup_code.create_first_account(
            platform(),
            form.get("code", ""),
            form.get("email", ""),
            form.get("password", ""),
            client_address(),
            _agent(),
        )
    except FlotillaError as error:
        return _again("auth/setup.html", error, code=form.get("code", ""), email=form.get("email", ""))
    login_browser(secret)
    return password_limits.admit(redirect(HOME), accounts.clean_email(form.get("email", "")))


@blueprint.get("/new-password")
@public
def choose_password() -> str:
    """The form behind a one-time link, whose secret the browser keeps behind the "#" until the form is sent."""
    return render_template("auth/new_password.html", code="", error=None)


@blueprint.post("/new-password")
@public
@limiter.shared_limit("10 per 15 minutes", "password-link")
def use_password_link() -> ResponseReturnValue:
    """Set the password of the account that the link was made for."""
    code = request.form.get("code", "")
    try:
        password_links.use_link(platform(), code, request.form.get("password", ""), client_address())
    except FlotillaError as error:
        return _again("auth/new_password.html", error, code=code)
    flash(gettext("Your password is set; sign in with it."))
    return redirect(url_for("auth.login"))


def _next() -> str:
    return safe_next(request.args.get("next"), HOME)


def _days_remembered() -> int:
    return platform().settings.remember_days


def _sign_in_page(error: FlotillaError, *, email: str = "", remember: bool = False) -> ResponseReturnValue:
    return _again("auth/login.html", error, email=email, remember=remember, days=_days_remembered())


def _agent() -> str:
    return request.headers.get("User-Agent", "")


def _again(template: str, error: FlotillaError, **values: object) -> ResponseReturnValue:
    headers = {"Retry-After": str(int(error.retry_after) + 1)} if error.retry_after else {}
    return render_template(template, error=error, **values), type(error).status, headers
