"""Two-step sign-in: an authenticator app set up with a QR code, recovery codes shown once, and all of it taken off again."""

from __future__ import annotations

import base64

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import confirm_login, current_user

from services.core.errors import FlotillaError
from services.fleet.pools.qr import qr_svg
from services.platform.accounts import enrolment
from web import password_limits
from web.access import caller, fresh, signed_in, to_second_factor
from web.platform import platform

blueprint = Blueprint("two_step", __name__, url_prefix="/panel/account/two-step")


@blueprint.get("")
@signed_in
@to_second_factor
def page() -> str:
    """What can be done now: begin, type the first code of the app, or, when it is on, renew codes or turn it off."""
    return _page()


@blueprint.post("/app")
@signed_in
@to_second_factor
@fresh(page="two_step.page")
def begin() -> ResponseReturnValue:
    """Make the secret of a new app, which the page then shows."""
    enrolment.begin_enrolment(platform(), caller())
    return redirect(url_for("two_step.page"))


@blueprint.post("/on")
@signed_in
@to_second_factor
@fresh(page="two_step.page")
@password_limits.limit_confirmation
def enable() -> ResponseReturnValue:
    """Turn it on with a code of the new app, and show the recovery codes, this once."""
    try:
        codes = enrolment.enable(
            platform(), caller(), current_user.session.session_id, request.form.get("code", "")
        )
    except FlotillaError as error:
        return _page(error=error), type(error).status
    confirm_login()
    password_limits.confirmed()
    return _page(codes=codes)


@blueprint.post("/recovery-codes")
@signed_in
@password_limits.limit_code
def renew_codes() -> ResponseReturnValue:
    """Make new recovery codes for a code and show them, this once; the former ones end."""
    try:
        codes = enrolment.renew_codes(platform(), caller(), request.form.get("code", ""))
    except FlotillaError as error:
        return _page(error=error), type(error).status
    password_limits.confirmed()
    return _page(codes=codes)


@blueprint.post("/off")
@signed_in
@password_limits.limit_code
def disable() -> ResponseReturnValue:
    """Turn it off for a code."""
    try:
        enrolment.disable(platform(), caller(), request.form.get("code", ""))
    except FlotillaError as error:
        return _page(error=error), type(error).status
    password_limits.confirmed()
    flash(gettext("Two-step sign-in is off."))
    return redirect(url_for("my_account.page"))


def _qr(link: str) -> str:
    """As a `data:` address: the secret must not stand in one that is asked for over the network."""
    drawn = qr_svg(link, title=gettext("QR code")).encode() if link else b""
    return "data:image/svg+xml;base64," + base64.b64encode(drawn).decode()


def _page(*, error: FlotillaError | None = None, codes: list[str] | None = None) -> str:
    two_step = enrolment.two_step_of(platform(), caller())
    return render_template(
        "auth/two_step.html",
        two_step=two_step,
        qr=_qr(two_step.link),
        error=error,
        codes=codes,
        page_path=url_for(
            "two_step.page"
        ),  # where a change of language comes back to: not to a form's target
        required=caller().is_admin and platform().settings.require_totp_for_admins,
    )
