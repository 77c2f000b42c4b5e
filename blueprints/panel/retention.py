"""Page of admins: how much there is of each kind of data, and when it goes."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from services.operations.retention import requests
from services.operations.retention.kinds import KINDS
from web.access import caller, fresh, signed_in
from web.platform import platform


@blueprint.get("/panel/admin/data")
@signed_in
def retention() -> str:
    """Kind by kind."""
    return render_template(
        "panel/retention.html",
        section="my_account.page",
        found=requests.shown_report(platform(), caller()),
        words={kind.name: kind.what for kind in KINDS},
    )


@blueprint.post("/panel/admin/data/count")
@signed_in
def count_data() -> ResponseReturnValue:
    """Have it counted anew."""
    requests.count_now(platform(), caller())
    flash(_("It is being counted; load this page again in some seconds."))
    return redirect(url_for("panel.retention"))


@blueprint.post("/panel/admin/data/delete")
@signed_in
@fresh(page="panel.retention")
def delete_expired() -> ResponseReturnValue:
    """Have what is too old deleted now."""
    requests.delete_now(platform(), caller())
    flash(_("What is too old is being deleted; the figures follow when it is done."))
    return redirect(url_for("panel.retention"))
