"""Pages: broadcasts, one being written, one on its way."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _
from pydantic import BaseModel

from blueprints.api.body import query
from blueprints.panel.blueprint import blueprint
from blueprints.panel.pools import pool_names
from blueprints.panel.problems import surroundings
from models import BroadcastKind, BroadcastStatus
from services.alerts.notifications.fields import zones
from services.fleet.bots.registry import list_bots
from services.fleet.flows.published import PublishedFlow, published_flows
from services.messaging.broadcasts import drafts
from services.messaging.broadcasts.results import results
from services.messaging.broadcasts.views import describe, progress
from services.traffic.audience.segments import describe_segment, list_segments
from web.access import caller, signed_in
from web.platform import platform

SECTION = "panel.broadcasts"


@blueprint.get("/panel/broadcasts")
@signed_in
def broadcasts() -> str:
    """All broadcasts of the caller, newest first."""
    found = [describe(one) for one in drafts.list_broadcasts(platform(), caller(), newest=True)]
    return render_template("panel/broadcasts.html", broadcasts=found, has_bots=bool(_bot_names()))


@blueprint.get("/panel/broadcasts/new")
@signed_in
def new_broadcast() -> str:
    """A broadcast to be written."""
    return _composer(None)


@blueprint.get("/panel/broadcasts/<int:broadcast_id>")
@signed_in
def broadcast(broadcast_id: int) -> str:
    """One broadcast: its form while it is a draft, how far it is afterwards."""
    found = drafts.get_broadcast(platform(), caller(), broadcast_id)
    if found.status == BroadcastStatus.DRAFT and found.kind == BroadcastKind.SEND:
        return _composer(describe(found))
    return render_template(
        "panel/broadcast.html",
        section=SECTION,
        initial=_state(broadcast_id, with_results=True),
        turns=[describe(turn) for turn in drafts.turns_of(platform(), found)],
    )


@blueprint.get("/panel/live/broadcasts/<int:broadcast_id>")
@signed_in
def live_broadcast(broadcast_id: int) -> dict[str, Any]:
    """The same for the page's script, which asks each second how far it is, and seldom what came of it."""
    return {**_state(broadcast_id, with_results=query(_Asked).results), **surroundings()}


class _Asked(BaseModel):
    """Whether it is to be counted what the recipients did, all of whom are looked at."""

    results: bool = False


def _state(broadcast_id: int, *, with_results: bool) -> dict[str, Any]:
    now = progress(platform(), caller(), broadcast_id)
    found = {"results": results(platform(), caller(), broadcast_id)} if with_results else {}
    return {**now, **found}


def _composer(draft: Any) -> str:
    saved = [describe_segment(one) for one in list_segments(platform(), caller())]
    choices = {"bots": _bot_names(), "pools": pool_names(), "segments": saved, "flows": _flows()}
    return render_template(
        "panel/compose_broadcast.html",
        section=SECTION,
        initial={"draft": draft, **choices},
        zones=sorted(zones()),
        **choices,
    )


def _flows() -> list[PublishedFlow]:
    return published_flows(platform(), caller())


def _bot_names() -> list[dict[str, Any]]:
    return [{"id": bot.id, "name": f"@{bot.username}"} for bot in list_bots(platform(), caller())]


def broadcast_texts() -> dict[str, str]:
    """What the scripts of broadcasts say."""
    return {**_states(), **_causes(), **_questions(), **_refusals(), **_composing()}


def _states() -> dict[str, str]:
    return {
        "broadcast.draft": _("Draft"),
        "broadcast.scheduled": _("Scheduled"),
        "broadcast.preparing": _("Writing the list"),
        "broadcast.running": _("Running"),
        "broadcast.paused": _("Paused"),
        "broadcast.braked": _("Stopped by its brake"),
        "broadcast.done": _("Finished"),
        "broadcast.stopped": _("Stopped"),
        "broadcast.progress": _("{done} of {all} people, {percent}"),
        "broadcast.ends": _("Done at about {time}"),
        "broadcast.begins": _("Begins {time}"),
        "broadcast.started": _("It starts: the list of people is being written."),
        "broadcast.paused_now": _("Paused: nothing more leaves."),
        "broadcast.resumed_now": _("It goes on."),
        "broadcast.stopped_now": _("Stopped for good."),
        "broadcast.scheduled_now": _("Scheduled."),
    }


def _causes() -> dict[str, str]:
    return {
        "broadcast.cause.brake": _(
            "Too many of the last people blocked the bot or could not be reached. Look at the causes below; going on begins with few people again."
        ),
        "broadcast.cause.quiet_hours": _("Quiet hours: it goes on by itself when they end."),
        "broadcast.cause.nobody": _("Nobody was to get it: the audience is empty."),
        "recipient.blocked": _("blocked the bot"),
        "recipient.deactivated": _("deleted their Telegram account"),
        "recipient.opted_out": _("want no more broadcasts"),
        "recipient.not_returned": _("know only the bot's former identity"),
        "recipient.person_erased": _("were erased"),
        "recipient.bot_gone": _("knew a bot that is gone"),
        "recipient.no_answer": _("no answer of Telegram: it may have arrived"),
        "recipient.lost": _("the message vanished from its outbox: it may have arrived"),
        "recipient.with_people": _("speak with somebody of your team"),
        "recipient.step_gone": _("the step was gone when it was their turn"),
        "recipient.step_silent": _("the step sent no message to them"),
        "recipient.plays_no_flow": _("know a bot that plays no flows any more"),
        "recipient.kept_out": _("were not let in by the bot's limits"),
        "recipient.handler_failed": _("the flow failed; see Dead letters"),
    }


def _questions() -> dict[str, str]:
    return {
        "start_broadcast.title": _("Send to {people} people?"),
        "start_broadcast.text": _("{bots}. It takes about {time}.{stars}"),
        "start_broadcast.stars": _(" It costs up to {stars} Stars."),
        "start_broadcast.action": _("Send now"),
        "start_broadcast.schedule": _("Schedule"),
        "stop_broadcast.title": _("Stop for good?"),
        "stop_broadcast.text": _("Whoever waits gets nothing. To go on later, pause it instead."),
        "stop_broadcast.action": _("Stop broadcast"),
        "delete_sent.title": _("Delete the message from {people} chats?"),
        "delete_sent.text": _("Telegram lets bots delete for 48 hours. Who has read it has read it."),
        "delete_sent.action": _("Delete messages"),
        "edit_sent.title": _("Replace the text in {people} chats?"),
        "edit_sent.text": _("The message stays where it is, with the new text. Nobody is notified."),
        "edit_sent.action": _("Replace text"),
        "delete_broadcast.title": _("Delete {name}?"),
        "delete_broadcast.text": _("Its list of people goes with it. Messages that were sent stay."),
        "delete_broadcast.action": _("Delete broadcast"),
    }


def _refusals() -> dict[str, str]:
    return {
        "error.broadcast_not_found": _("This broadcast is not there any more. Load the page again."),
        "error.broadcast_state": _("The broadcast is in another state now. Load the page again."),
        "error.broadcast_started": _("Only a draft can be changed."),
        "error.broadcast_button": _("A button of a broadcast opens an address or a web app."),
        "error.broadcast_unpaid": _(
            "More than 30 messages a second cost Stars: switch on paid broadcasts, or lower the rate."
        ),
        "error.broadcast_of_step": _("What a step of a flow said can't be changed or deleted."),
    }


def _composing() -> dict[str, str]:
    return {
        "compose.text": _("The message"),
        "compose.of_step": _("People were put at the step {step} of the flow {flow}."),
        "compose.left_out": _("These bots play no flows, so nobody gets it by them: {bots}"),
        "compose.variant": _("Text {name}"),
        "compose.two_texts": _("Try two texts"),
        "compose.one_text": _("Only one text"),
        "compose.saved": _("Draft saved"),
        "compose.nobody": _("nobody yet"),
        "compose.count": _("{people} people"),
        "compose.bot_count": _("{name}: {people}"),
        "compose.seconds": _("{number} s"),
        "compose.minutes": _("{number} min"),
        "compose.hours": _("{number} h"),
        "compose.test_sent": _("The test is on its way."),
        "compose.remove_button": _("Remove button {number}"),
        "compose.button_text": _("Text of button {number}"),
        "compose.button_url": _("Address of button {number}"),
    }
