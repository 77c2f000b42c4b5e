"""Page of admins: the backups, what is being done with them, the last trial of one, and buttons for more of both."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.problems import surroundings
from services.core.errors import Conflict
from services.operations.backup import administration
from services.operations.backup.progress import Progress
from services.operations.backup.reports import BackupReport
from services.operations.backup.stores import backup_folder
from web.access import caller, fresh, signed_in
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
        initial=_live(view.running, view.report),
        folder=platform().settings.backup_store or backup_folder(platform().settings),
        daily=platform().settings.backup_daily,
    )


@blueprint.get("/panel/live/backups")
@signed_in
def live_backups() -> dict[str, Any]:
    """What is being done, for the page's script."""
    return {**_live(*administration.view_progress(platform(), caller())), **surroundings()}


@blueprint.post("/panel/admin/backups")
@signed_in
@fresh(page="panel.backups")
def make_backup() -> ResponseReturnValue:
    """Have one made now."""
    try:
        administration.request_backup(platform(), caller())
        flash(_("A worker makes the backup as soon as one is free; this page shows how far it is."))
    except Conflict:
        flash(_("A backup is being made already."))
    return redirect(url_for("panel.backups"))


@blueprint.post("/panel/admin/backups/verify")
@signed_in
@fresh(page="panel.backups")
def verify_backup() -> ResponseReturnValue:
    """Have the newest tried out now."""
    try:
        administration.request_verification(platform(), caller())
        flash(
            _("A worker tries the newest backup out as soon as one is free; this page shows how far it is.")
        )
    except Conflict:
        flash(_("A backup is being tried out already."))
    return redirect(url_for("panel.backups"))


def _live(running: list[Progress], report: BackupReport) -> dict[str, Any]:
    """`mark` changes when a backup was made or tried out, or could not be: then the page is another."""
    outcome = (report.last_success, report.failure_code, report.last_verified, report.verify_failure)
    return {
        "running": [asdict(progress) for progress in running],
        "mark": f"{report.last_name} {report.verified_name} {outcome}",
    }


def backup_texts() -> dict[str, str]:
    """What the page's script says."""
    return {
        "backup.create": _("A backup is being made"),
        "backup.verify": _("A backup is being tried out"),
        "backup.copying": _("the database and Redis are copied"),
        "backup.packing": _("packed and encrypted"),
        "backup.unpacking": _("unpacked"),
        "backup.trying": _("a click and a chat are tried in the restored place"),
        "backup.line": _("{work}: {stage}."),
    }
