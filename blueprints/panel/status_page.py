"""Page: what the account shows to everybody, and how that looks."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.status import rendered
from services.core.errors import InvalidInput
from services.core.identifiers import parsed_id
from services.fleet.pools.pools import list_pools
from services.reporting.status_page.choices import (
    LONGEST_LABEL,
    LONGEST_TITLE,
    MOST_POOLS,
    Choices,
    ShownPool,
    choose,
    get_choices,
    preview,
    renew_address,
)
from web.access import caller, signed_in
from web.platform import platform

LISTED = 100


@blueprint.get("/panel/account/status-page")
@signed_in
def status_page() -> str:
    """The choices."""
    return _page()


@blueprint.post("/panel/account/status-page")
@signed_in
def save_status_page() -> ResponseReturnValue:
    """Show what the form says."""
    try:
        chosen = choose(platform(), caller(), _typed())
    except InvalidInput as error:
        return _page(error=error), error.status
    flash(
        _("Saved. Everybody who has the address sees it.")
        if chosen["is_on"]
        else _("Saved. Nobody sees the page.")
    )
    return redirect(url_for("panel.status_page"))


@blueprint.post("/panel/account/status-page/address")
@signed_in
def move_status_page() -> ResponseReturnValue:
    """Give it another address."""
    renew_address(platform(), caller())
    flash(_("The page has another address; the former one leads nowhere."))
    return redirect(url_for("panel.status_page"))


@blueprint.get("/panel/account/status-page/preview")
@signed_in
def preview_status_page() -> str:
    """The page as everybody would see it, saved but not necessarily switched on."""
    return rendered(preview(platform(), caller()), is_preview=True)


def _typed() -> Choices:
    form = request.form
    ticked = [number for number in map(parsed_id, form.getlist("pool")) if number]
    shown = [ShownPool(pool_id, form.get(f"label-{pool_id}", "").strip()) for pool_id in ticked]
    return Choices(
        is_on="is_on" in form,
        title=form.get("title", "").strip(),
        shows_incidents="shows_incidents" in form,
        allows_search="allows_search" in form,
        pools=shown,
    )


def _page(*, error: InvalidInput | None = None) -> str:
    chosen = get_choices(platform(), caller())
    typed = _typed() if error else None
    labels = (
        {shown.pool_id: shown.label for shown in typed.pools}
        if typed
        else {shown["pool_id"]: shown["label"] for shown in chosen["pools"]}
    )
    return render_template(
        "panel/status_page.html",
        section="my_account.page",
        chosen=chosen,
        typed=typed,
        labels=labels,
        pools=list_pools(platform(), caller(), limit=LISTED),
        longest={"title": LONGEST_TITLE, "label": LONGEST_LABEL, "pools": MOST_POOLS},
        error=error,
    )
