"""Page of admins: the backups, the last trial of one, and a button for one more."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from services.core.errors import Conflict
from services.operations.backup import administration
from services.operations.backup.stores import backup_folder
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/admin/backups")
@signed_in
def backups() -> str:
    """The backups, newest first."""
    view = administration.view_backups(platform(), caller())
    verified = view.report.last_verified
    return render_template(
        "panel/backups.html",
        section="my_account.page",
        view=view,
        verified_at=datetime.fromtimestamp(verified, UTC) if verified else None,
        folder=platform().settings.backup_store or backup_folder(platform().settings),
        daily=platform().settings.backup_daily,
    )


@blueprint.post("/panel/admin/backups")
@signed_in
def make_backup() -> ResponseReturnValue:
    """Have one made now."""
    try:
        administration.request_backup(platform(), caller())
        flash(_("A worker makes the backup; look again in a minute."))
    except Conflict:
        flash(_("A backup is being made already."))
    return redirect(url_for("panel.backups"))
