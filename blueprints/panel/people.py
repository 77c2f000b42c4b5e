"""Page: what is kept of one person, for a request of theirs: a copy of it, or its end."""

from __future__ import annotations

import tempfile

from flask import Response, flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from services.fleet.bots.registry import get_bot
from services.operations.personal_data.erasing import erase_person
from services.operations.personal_data.exporting import write_archive
from web.access import caller, fresh, signed_in
from web.platform import platform

IN_MEMORY = 1_000_000  # bytes of an archive; a larger one is written to a temporary file


@blueprint.get("/panel/bots/<int:bot_id>/people/<int:telegram_id>")
@signed_in
def person(bot_id: int, telegram_id: int) -> str:
    """How much of each kind there is."""
    bot = get_bot(platform(), caller(), bot_id)
    kept = erase_person(platform(), caller(), telegram_id, bot_id=bot_id, dry_run=True)
    words = kinds()
    return render_template(
        "panel/person.html",
        section="panel.bots",
        bot=bot,
        kept=kept,
        kinds=words,
        is_known=any(count for kind, count in kept.items() if kind in words),
    )


@blueprint.post("/panel/bots/<int:bot_id>/people/<int:telegram_id>/copy")
@signed_in
@fresh(page="panel.bots")
def copy_person(bot_id: int, telegram_id: int) -> Response:
    """The archive."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    write_archive(platform(), caller(), telegram_id, file, bot_id)
    file.seek(0)
    answer = send_file(
        file,
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"person-{telegram_id}.zip",
        max_age=0,
    )
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@blueprint.post("/panel/bots/<int:bot_id>/people/<int:telegram_id>/erase")
@signed_in
@fresh(page="panel.bots")
def erase(bot_id: int, telegram_id: int) -> ResponseReturnValue:
    """Erase them from all bots of the account."""
    erase_person(platform(), caller(), telegram_id, bot_id=bot_id)
    flash(_("Person %(id)s is erased from all bots of the account.", id=telegram_id))
    return redirect(url_for("panel.bot", bot_id=bot_id, _anchor="users"))


def kinds() -> dict[str, str]:
    """The kinds of what is kept, and what becomes of each."""
    return {
        "leads": _("Bots that know the person"),
        "starts": _("Presses of Start"),
        "clicks": _("Clicks, which stay without the person"),
        "experiments": _("Experiments they took part in, which stay without the person"),
        "files": _("Files they sent"),
        "plugin_keys": _("Entries of plugins, such as answers to forms"),
        "flow_runs": _("Where they stand in flows"),
        "flow_visits": _("Steps of flows that they reached"),
        "timers": _("What plugins will do for them later"),
        "dead_letters": _("Dead letters about them"),
        "notifications": _("Notifications about them"),
        "access_lists": _("Places on access lists, which stay: they are your rule"),
    }
