"""What somebody asked for in the manager bot's chat and what waits for a word here."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from services.core.errors import Conflict, NotFound
from services.operations.manager import approving
from web.access import caller, fresh, signed_in
from web.platform import platform
from web.reader_language import translated


@blueprint.get("/panel/confirmations")
@signed_in
def confirmations() -> str:
    """The requests of the account's people that wait."""
    return _page()


@blueprint.post("/panel/confirmations/<request_id>/approve")
@signed_in
@fresh(page="panel.confirmations")
def approve_request(request_id: str) -> ResponseReturnValue:
    """Have one done; the chat is answered by itself."""
    try:
        words = approving.approve(platform(), caller(), request_id)
    except (NotFound, Conflict) as error:
        return _page(error), error.status
    flash(_("Approved: %(words)s. The answer comes in the chat.", words=translated(words)))
    return redirect(url_for("panel.confirmations"))


@blueprint.post("/panel/confirmations/<request_id>/refuse")
@signed_in
def refuse_request(request_id: str) -> ResponseReturnValue:
    """Let nothing come of one."""
    try:
        words = approving.refuse(platform(), caller(), request_id)
    except (NotFound, Conflict) as error:
        return _page(error), error.status
    flash(_("Refused: %(words)s. The chat is told.", words=translated(words)))
    return redirect(url_for("panel.confirmations"))


def _page(error: NotFound | Conflict | None = None) -> str:
    return render_template(
        "panel/confirmations.html",
        section="my_account.page",
        asked=approving.list_requests(platform(), caller()),
        error=error,
    )
