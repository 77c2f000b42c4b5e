"""My account: password, other browsers, API keys, and the people who are linked to the manager bot."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user, login_fresh
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from services.core.errors import Conflict, FlotillaError, InvalidInput
from services.fleet.pools.qr import qr_inline
from services.operations.manager.links import StartLink, has_manager, link_for
from services.platform.accounts import accounts, api_keys, enrolment, sessions, telegram_links
from services.platform.accounts.principal import OFFERED
from web import password_limits
from web.access import caller, fresh, signed_in
from web.platform import platform

blueprint = Blueprint("my_account", __name__, url_prefix="/panel/account")


@blueprint.get("")
@signed_in
def page() -> str:
    """Password, sessions and API keys of whoever is signed in."""
    return _account_page()


@blueprint.post("/password")
@signed_in
@fresh(page="my_account.page", part="password-title")
@password_limits.limit_confirmation
def change_password() -> ResponseReturnValue:
    """Set a new password; other browsers are signed out, and with the box ticked all API keys end."""
    present, new = request.form.get("present", ""), request.form.get("password", "")
    try:
        accounts.change_password(
            platform(),
            caller(),
            current_user.session.session_id,
            present,
            new,
            end_keys="end_keys" in request.form,
        )
    except FlotillaError as error:
        return _account_page(error=error), type(error).status
    password_limits.confirmed()
    if "end_keys" in request.form:
        flash(gettext("Your password was changed; other browsers are signed out, all API keys are revoked."))
    else:
        flash(gettext("Your password was changed; other browsers are signed out."))
    return redirect(url_for("my_account.page"))


@blueprint.post("/sessions/<int:session_id>/revoke")
@signed_in
def revoke_session(session_id: int) -> ResponseReturnValue:
    """Sign another browser out."""
    sessions.revoke_session(platform(), caller(), session_id)
    return redirect(url_for("my_account.page"))


@blueprint.post("/keys")
@signed_in
@fresh(page="my_account.page", part="keys-title", keep=("name", "expires_days", "scopes"))
def create_key() -> ResponseReturnValue:
    """Make an API key and show it, this once."""
    form = request.form
    scopes = form.getlist("scopes")
    try:
        if not scopes:  # over the API no scopes means all; nobody means that who unticks every box
            raise InvalidInput("Tick at least one scope", field="scopes")
        _, text = api_keys.create_key(
            platform(),
            caller(),
            scopes=scopes,
            name=form.get("name", "").strip(),
            expires_days=_days(form.get("expires_days", "").strip()),
        )
    except FlotillaError as error:
        return _account_page(error=error), type(error).status
    return _account_page(new_key=text)


@blueprint.post("/keys/<key_id>/rotate")
@signed_in
@fresh(page="my_account.page", part="keys-title")
def rotate_key(key_id: str) -> ResponseReturnValue:
    """Replace a key by one with the same scopes and show that, this once; the old one goes on for a day."""
    try:
        _, text = api_keys.rotate_key(platform(), caller(), key_id)
    except Conflict as error:
        return _account_page(error=error), error.status
    return _account_page(new_key=text)


@blueprint.post("/keys/<key_id>/revoke")
@signed_in
@fresh(page="my_account.page", part="keys-title")
def revoke_key(key_id: str) -> ResponseReturnValue:
    """Make a key useless, with the box ticked also those that it made."""
    api_keys.revoke_key(platform(), caller(), key_id, made_too="made_too" in request.form)
    return redirect(url_for("my_account.page"))


@blueprint.post("/telegram")
@signed_in
@fresh(page="my_account.page", part="telegram-title")
def create_telegram_link() -> ResponseReturnValue:
    """Make a one-time link to the manager bot and show it, with its QR code, this once."""
    try:
        return _account_page(link=link_for(platform(), caller()))
    except FlotillaError as error:
        return _account_page(error=error), type(error).status


@blueprint.post("/telegram/<int:person_id>/unlink")
@signed_in
def unlink_telegram(person_id: int) -> ResponseReturnValue:
    """Have the manager bot answer this person no more."""
    telegram_links.unlink_person(platform(), caller(), person_id)
    return redirect(url_for("my_account.page", _anchor="telegram-title"))


def _days(text: str) -> int | None:
    """None for an empty field; 0, which is refused, for what is no number: never a key that lasts for good."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _account_page(
    *, error: FlotillaError | None = None, new_key: str | None = None, link: StartLink | None = None
) -> str:
    return render_template(
        "auth/account.html",
        sessions=sessions.list_sessions(platform(), caller()),
        session_id=current_user.session.session_id,
        is_fresh=login_fresh(),
        two_step=enrolment.two_step_of(platform(), caller()),
        typed=MultiDict() if new_key or link else request.values,
        keys=api_keys.list_keys(platform(), caller()),
        made=api_keys.count_made(platform(), caller()),
        scopes=[scope for scope in OFFERED if scope in caller().scopes],
        error=error,
        new_key=new_key,
        link=link,
        qr=Markup(qr_inline(link.address)) if link else "",  # noqa: S704 - an SVG of our own making
        people=telegram_links.list_links(platform(), caller()),
        has_manager=has_manager(platform()),
    )
