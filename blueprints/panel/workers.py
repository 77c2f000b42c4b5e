"""The tab Worker of a bot's page: the program that drives it, and what its script says."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText
from services.core.errors import NotFound
from services.fleet.bots.registry import get_bot
from services.fleet.workers.registry import worker_of
from services.fleet.workers.views import describe_worker
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/live/bots/<int:bot_id>/worker")
@signed_in
def live_worker(bot_id: int) -> dict[str, Any]:
    """A bot's worker for its page's script; null for one whose plugins answer."""
    bot = get_bot(platform(), caller(), bot_id)
    try:
        _, worker = worker_of(platform(), caller(), bot_id)
    except NotFound:
        return {"worker": None}
    return {"worker": describe_worker(platform(), bot, worker)}


def worker_texts() -> dict[str, ScriptText]:
    """What the tab's script says."""
    return {
        "worker.status.created": _("being set up"),
        "worker.status.external": _("runs elsewhere"),
        "worker.status.running": _("running"),
        "worker.status.scaled_to_zero": _("asleep"),
        "worker.status.stopped": _("bot stopped"),
        "worker.status.failed": _("bot out of order"),
        "worker.status.deleting": _("being ended"),
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
