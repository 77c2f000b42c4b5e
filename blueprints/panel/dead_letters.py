"""Page: what was given up, by cause and one by one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText, counted
from blueprints.panel.problems import surroundings
from models import DeadLetterState
from services.alerts.dead_letters.listing import (
    count_letters,
    describe,
    describe_group,
    list_groups,
    list_letters,
    usernames,
)
from services.alerts.dead_letters.selection import LetterFilter
from services.core.identifiers import parsed_id
from services.fleet.bots.registry import list_bots
from web.access import caller, signed_in
from web.platform import platform

LISTED = 100
VIEWS = {
    "open": LetterFilter(state=DeadLetterState.OPEN, is_uncertain=False),
    "uncertain": LetterFilter(state=DeadLetterState.OPEN, is_uncertain=True),
    "replaying": LetterFilter(state=DeadLetterState.REPLAYING),
    "resolved": LetterFilter(state=DeadLetterState.RESOLVED),
}
KINDS = ("intake", "update", "send", "job")


@blueprint.get("/panel/dead-letters")
@signed_in
def dead_letters() -> str:
    """Waiting letters, those that may have arrived apart."""
    bots = list_bots(platform(), caller(), limit=LISTED)
    return render_template("panel/dead_letters.html", initial=_live(), bots=bots, kinds=KINDS)


@blueprint.get("/panel/live/dead-letters")
@signed_in
def live_dead_letters() -> dict[str, Any]:
    """The same for the page's script."""
    return {**_live(), **surroundings()}


def _live() -> dict[str, Any]:
    view = _asked("view", VIEWS, "open")
    base = VIEWS[view]
    bot = request.args.get("bot_id", "")
    wanted = LetterFilter(
        kind=_asked("kind", KINDS, ""),
        bot_id=parsed_id(bot),
        fingerprint=request.args.get("fingerprint", "")[:32],
        state=base.state,
        is_uncertain=base.is_uncertain,
    )
    letters = list_letters(platform(), caller(), wanted, limit=LISTED)
    names = usernames(platform(), (letter.bot_id for letter in letters))
    return {
        "counts": asdict(count_letters(platform(), caller())),
        "groups": [describe_group(group) for group in list_groups(platform(), caller(), wanted)],
        "letters": [{**describe(each), "bot": names.get(each.bot_id or 0, "")} for each in letters],
    }


def _asked(name: str, known: Any, otherwise: str) -> str:
    value = request.args.get(name, otherwise)
    return value if value in known else otherwise


def dead_letter_texts() -> dict[str, ScriptText]:
    """What the page's script says."""
    return {
        "letter.intake": _("Broken body"),
        "letter.update": _("Update"),
        "letter.send": _("Message"),
        "letter.job": _("Job"),
        "letter.replay_n": _("Replay {n}"),
        "letter.first_life": _("First try"),
        "letter.replayed": _("Replayed"),
        "letter.discarded": _("Discarded: {reason}"),
        "letter.selected": counted("{count} selected", "{count} selected"),
        "letter.progress": counted(
            "{count} on its way, about {seconds} s to go", "{count} on their way, about {seconds} s to go"
        ),
        "letter.sent_in": counted("{count} is sent in again", "{count} are sent in again"),
        "letter.thrown_away": counted("{count} discarded", "{count} discarded"),
        "letter.nothing": _("Nothing of this can be replayed. Discard what needs no answer."),
        "letter.no_bot": _("no bot"),
        "replay_letters.title": _("Replay {n}?"),
        "replay_letters.text": _(
            "They go in again, oldest first, about 20 a second. The bot answers as if they had just arrived, so mend the cause first."
        ),
        "replay_letters.uncertain": _(
            "These may have arrived already: whoever got the message gets it a second time. Look into the chat first if you can."
        ),
        "replay_letters.action": _("Replay"),
        "error.dead_letter_not_found": _("This is not there any more. Load the page again."),
    }
