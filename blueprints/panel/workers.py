"""The tab Worker of a bot's page: the program that drives it, and what its script says."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText
from services.core.errors import NotFound
from services.core.times import from_epoch, iso
from services.fleet.bots.registry import get_bot
from services.fleet.workers.copies import output_of
from services.fleet.workers.registry import worker_of
from services.fleet.workers.views import describe_worker
from services.queueing.work_queue import LEASE as LINE
from services.reporting.worker_history import worker_history
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/live/bots/<int:bot_id>/worker")
@signed_in
def live_worker(bot_id: int) -> dict[str, Any]:
    """A bot's worker for its page's script, null for one whose plugins answer; `history` where its program is started here."""
    bot = get_bot(platform(), caller(), bot_id)
    try:
        _, worker = worker_of(platform(), caller(), bot_id)
    except NotFound:
        return {"worker": None}
    is_started = worker.command or worker.image
    history = worker_history(platform(), bot.id) if is_started else None
    return {"worker": describe_worker(platform(), bot, worker), "history": history}


@blueprint.get("/panel/live/bots/<int:bot_id>/worker/output")
@signed_in
def worker_output(bot_id: int) -> dict[str, Any]:
    """The lines that copies of a bot's program wrote behind the line whose id is `after`."""
    bot = get_bot(platform(), caller(), bot_id)
    after = request.args.get("after", "")
    lines = output_of(platform().redis, bot.id, after if LINE.fullmatch(after) else "-")
    return {"lines": [{"id": name, "at": iso(from_epoch(at)), "text": line} for name, at, line in lines]}


def worker_texts() -> dict[str, ScriptText]:
    """What the tab's script says."""
    return {
        "worker.status.created": _("being set up"),
        "worker.status.external": _("runs elsewhere"),
        "worker.status.running": _("running"),
        "worker.status.scaled_to_zero": _("asleep"),
        "worker.status.stopped": _("bot stopped"),
        "worker.status.failed": _("out of order"),
        "worker.status.deleting": _("being ended"),
        "worker.way.command": _("a command, started here as processes"),
        "worker.way.image": _("an image, started here in containers"),
        "worker.way.elsewhere": _("a program that runs elsewhere and comes for its updates"),
        "worker.copies": _("Copies"),
        "worker.waiting": _("Waiting"),
        "worker.copies.now": _("{current} now, {min} to {max}"),
        "worker.chart": _("Copies: {copies}. Updates that wait: {lag}."),
        "worker.ran": _("{ago}, after {seconds} s"),
        "worker.exit.output": _("Last lines: {reason}"),
        "worker.silent": _("Nothing was written yet."),
        "worker.bounded": _("The number of copies follows the new bounds."),
        "worker.restart.title": _("Restart the copies?"),
        "worker.restart.text": _(
            "Each one is asked to end and replaced. What it does not answer is given out again."
        ),
        "worker.restart.action": _("Restart copies"),
        "worker.restarted": _("The copies are being replaced."),
        "worker.never": _("never"),
        "worker.no_token": _("none in force"),
        "worker.no_variables": _("none"),
        "worker.give.title": _("Give this bot a worker?"),
        "worker.give.text": _(
            "From now on its updates wait for a program of yours, and its plugins are not asked any more. They stay chosen."
        ),
        "worker.give.action": _("Give it a worker"),
        "worker.given": _("Its updates wait for your program now."),
        "worker.renew.title": _("Make a new token for the worker?"),
        "worker.renew.text": _("Programs with the present one get no more updates at once."),
        "worker.renew.action": _("New token"),
        "worker.renewed": _("The former token is of no use any more."),
        "worker.end.title": _("End the worker?"),
        "worker.end.text": _(
            "The bot stops, and updates that wait are dropped. Its people, plugins and statistics stay; started again, its plugins answer."
        ),
        "worker.end.action": _("End the worker"),
        "worker.ended": _("The worker is ended, and the bot is stopped."),
    }
