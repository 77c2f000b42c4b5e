"""Page of admins: all accounts, and what is done with them."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from blueprints.panel.blueprint import blueprint
from models import Account
from services.core.errors import Conflict, FlotillaError
from services.core.identifiers import parsed_id
from services.fleet.pools.qr import qr_inline
from services.operations.manager.links import StartLink, invite
from services.platform.accounts import administration
from web.access import caller, fresh, signed_in
from web.password_address import password_address
from web.platform import platform

LISTED = 100


@blueprint.get("/panel/admin/accounts")
@signed_in
def accounts() -> str:
    """Everybody: role, state, bots, last use."""
    return _page()


@blueprint.post("/panel/admin/accounts")
@signed_in
@fresh(page="panel.accounts", part="new-account", keep=("email",))
def create_account() -> ResponseReturnValue:
    """Make an account and show its links, this once."""
    try:
        made = invite(
            platform(), caller(), request.form.get("email", ""), is_admin="is_admin" in request.form
        )
    except FlotillaError as error:
        return _page(error=error), type(error).status
    return _page((made.account, made.secret), chat=made.chat)


@blueprint.post("/panel/admin/accounts/<int:account_id>/link")
@signed_in
@fresh(page="panel.accounts")
def link_account(account_id: int) -> ResponseReturnValue:
    """Show a link for a new password, with `two_step` one that also turns two-step sign-in off, this once."""
    resets = request.form.get("two_step") == "1"
    try:
        made = administration.make_password_link(platform(), caller(), account_id, resets_two_step=resets)
    except Conflict as error:
        return _page(error=error), error.status
    return _page(made, resets_two_step=resets)


@blueprint.post("/panel/admin/accounts/<int:account_id>/state")
@signed_in
@fresh(page="panel.accounts")
def switch_account(account_id: int) -> ResponseReturnValue:
    """Switch the account on or off."""
    is_active = request.form.get("is_active") == "1"
    try:
        account = administration.switch_account(platform(), caller(), account_id, is_active=is_active)
    except Conflict as error:
        return _page(error=error), error.status
    state = _("%(email)s is switched on.") if account.is_active else _("%(email)s is switched off.")
    flash(state % {"email": account.email})
    return redirect(url_for("panel.accounts"))


@blueprint.post("/panel/admin/accounts/<int:account_id>/role")
@signed_in
@fresh(page="panel.accounts")
def set_role(account_id: int) -> ResponseReturnValue:
    """Make the account an admin's or an owner's."""
    is_admin = request.form.get("is_admin") == "1"
    try:
        account = administration.set_role(platform(), caller(), account_id, is_admin=is_admin)
    except Conflict as error:
        return _page(error=error), error.status
    role = _("%(email)s is an admin now.") if account.is_admin else _("%(email)s is an owner now.")
    flash(role % {"email": account.email})
    return redirect(url_for("panel.accounts"))


def _page(
    made: tuple[Account, str] | None = None,
    *,
    resets_two_step: bool = False,
    chat: StartLink | None = None,
    error: FlotillaError | None = None,
) -> str:
    after = parsed_id(request.args.get("cursor", "")) or 0
    rows = administration.list_account_rows(platform(), caller(), after=after, limit=LISTED + 1)
    return render_template(
        "panel/accounts.html",
        section="my_account.page",
        rows=rows[:LISTED],
        more=rows[LISTED - 1].account.id if len(rows) > LISTED else None,
        own_id=caller().account_id,
        invited=made[0].email if made else None,
        resets_two_step=resets_two_step,
        link=password_address(made[1]) if made else None,
        chat=chat,
        qr=Markup(qr_inline(chat.address)) if chat else "",  # noqa: S704 - an SVG of our own making
        typed={} if made else request.values,
        error=error,
    )
