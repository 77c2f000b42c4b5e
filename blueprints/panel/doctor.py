"""Page of admins: what the doctor says of the installation."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from services.operations.doctor.requests import ask_doctor, last_diagnosis
from web.access import caller, fresh, signed_in
from web.platform import platform


@blueprint.get("/panel/admin/system")
@signed_in
def system() -> str:
    """What the last run found."""
    return render_template(
        "panel/system.html", section="my_account.page", found=last_diagnosis(platform(), caller())
    )


@blueprint.get("/panel/live/admin/system")
@signed_in
def live_system() -> dict[str, Any]:
    """When that was, for the page's script, which waits for another one."""
    found = last_diagnosis(platform(), caller())
    return {"at": found["at"] if found else None}


@blueprint.post("/panel/admin/system/look")
@signed_in
def look_at_system() -> ResponseReturnValue:
    """Have a worker look again."""
    ask_doctor(platform(), caller())
    flash(_("The doctor looks; what it finds is shown here in some seconds."))
    return redirect(url_for("panel.system", waits=1))


@blueprint.post("/panel/admin/system/mend")
@signed_in
@fresh(page="panel.system")
def mend_system() -> ResponseReturnValue:
    """Have a worker mend what is safe."""
    ask_doctor(platform(), caller(), fix=True)
    flash(_("What is safe is being mended; what is left is shown here in some seconds."))
    return redirect(url_for("panel.system", waits=1))
