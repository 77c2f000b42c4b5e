"""Page: what works and what waits. Admins see the installation, owners the outboxes of their own bots."""

from __future__ import annotations

from typing import Any, get_args

from flask import render_template, request
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText, counted
from blueprints.panel.problems import surroundings
from services.operations.queues import monitor
from services.operations.queues.rq_jobs import JobState
from services.platform.redis.jobs import JobQueue
from web.access import caller, signed_in
from web.platform import platform


@blueprint.get("/panel/queues")
@signed_in
def queues() -> str:
    """Queues, workers, lanes, outboxes."""
    return render_template(
        "panel/queues.html",
        section="my_account.page",
        initial=_live(),
        queues=list(JobQueue),
        states=get_args(JobState),
    )


@blueprint.get("/panel/live/queues")
@signed_in
def live_queues() -> dict[str, Any]:
    """The same for the page's script."""
    return {**_live(), **surroundings()}


def _live() -> dict[str, Any]:
    outboxes = {"outboxes": monitor.list_outboxes(platform(), caller())}
    if not caller().is_admin:
        return outboxes
    queue = request.args.get("queue", "")
    state = request.args.get("state", "")
    return {
        **outboxes,
        **monitor.queue_monitor(platform(), caller()),
        "jobs": monitor.list_jobs(
            platform(),
            caller(),
            JobQueue(queue) if queue in set(JobQueue) else JobQueue.DEFAULT,
            state if state in get_args(JobState) else "failed",  # type: ignore[arg-type]
        ),
    }


def queue_texts() -> dict[str, ScriptText]:
    """What the page's script says."""
    return {
        "queue.updates": _("Updates"),
        "queue.outbound": _("Sending"),
        "queue.default": _("Everything else"),
        "queue.broadcasts": _("Broadcasts"),
        "queue.idle": _("waits for work"),
        "queue.busy": _("at work"),
        "queue.started": _("running"),
        "queue.busy_of": _("{busy} of {workers} workers busy"),
        "queue.leads": _("leads"),
        "queue.sign": _("last sign {n} s ago, runs for {minutes} min"),
        "queue.lane": _("Lane {n}"),
        "queue.shard": _("Outboxes {n}"),
        "queue.nobody": _("nobody"),
        "queue.dead_holder": _("a dead process"),
        "queue.stuck": _("Stuck"),
        "queue.at_work": _("At work"),
        "queue.quiet": _("Quiet"),
        "queue.apart": counted("{count} update tried alone", "{count} updates tried alone"),
        "queue.seconds": _("{n} s"),
        "queue.retried": counted("{count} job put back", "{count} jobs put back"),
        "queue.emptied": counted("{count} job deleted", "{count} jobs deleted"),
        "queue.woken": _("Rung: a worker looks at it now."),
        "queue.not_woken": _("Somebody else rang just now."),
        "queue.dropped": counted(
            "{count} message is a dead letter now", "{count} messages are dead letters now"
        ),
        "queue.more_waits": _("More came in meanwhile."),
        "queue.bot": _("Bot {id} of another account"),
        "queue.paused": _("Telegram makes it wait until {time}"),
        "queue.paused_chats": counted("{count} chat waits for itself", "{count} chats wait for themselves"),
        "queue.gaps": _("No sample for {n} of the steps: no clock was running."),
        "queue.line.updates_lag": _("Oldest update waits (s)"),
        "queue.line.updates": _("Updates that wait"),
        "queue.line.messages_lag": _("Oldest message waits (s)"),
        "queue.line.messages": _("Messages that wait"),
        "queue.line.jobs": _("Jobs that wait"),
        "queue.line.clicks": _("Clicks not yet in the database"),
        "empty_queue.title": _("Empty the queue {queue}?"),
        "empty_queue.text": _(
            "{count} waiting jobs are deleted. Updates, messages and clicks stay where they are, and the clock rings for them again; a check or a count that somebody asked for has to be asked for anew."
        ),
        "empty_queue.action": _("Empty"),
        "drop_outbox.title": _("Empty the outbox of {bot}?"),
        "drop_outbox.text": _(
            "{count} messages are not sent but become dead letters, from which you can replay them. Up to 320 of each priority may be in a sender's hands already and still go out: those are marked as possibly sent."
        ),
        "drop_outbox.action": _("Do not send"),
    }
