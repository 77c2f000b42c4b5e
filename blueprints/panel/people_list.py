"""Pages: the people of all bots, found by conditions; and one person with what they did."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_babel import gettext as _

from blueprints.api.body import query
from blueprints.api.people_list import PeopleQuery
from blueprints.panel.blueprint import blueprint
from blueprints.panel.plurals import ScriptText, counted
from blueprints.panel.pools import pool_names
from blueprints.panel.problems import surroundings
from services.fleet.bots.registry import list_bots
from services.reporting.people.listing import count_matching, list_people
from services.reporting.people.person import known_person
from services.reporting.people.timeline import timeline
from services.traffic.audience.segments import describe_segment, list_segments
from web.access import caller, signed_in
from web.platform import platform

PAGE = 25


@blueprint.get("/panel/people")
@signed_in
def people() -> str:
    """All people of the caller's bots."""
    return render_template(
        "panel/people.html",
        initial=_live(PeopleQuery()),
        bots=list_bots(platform(), caller()),
        pools=pool_names(),
    )


@blueprint.get("/panel/live/people")
@signed_in
def live_people() -> dict[str, Any]:
    """The same for the page's script, which says what it filters by."""
    return {**_live(query(PeopleQuery)), **surroundings()}


@blueprint.get("/panel/people/<int:telegram_id>")
@signed_in
def person_page(telegram_id: int) -> str:
    """One person, over all bots."""
    found, following = timeline(platform(), caller(), telegram_id)
    return render_template(
        "panel/person_page.html",
        section="panel.people",
        person=known_person(platform(), caller(), telegram_id),
        initial={"telegram_id": telegram_id, "items": found, "next": following},
    )


def _live(asked: PeopleQuery) -> dict[str, Any]:
    conditions = asked.conditions()
    found, following = list_people(
        platform(), caller(), conditions, order=asked.order, cursor=asked.cursor, limit=PAGE
    )
    return {
        "people": found,
        "next": following,
        "count": count_matching(platform(), caller(), conditions),
        "segments": [describe_segment(each) for each in list_segments(platform(), caller())],
    }


def people_texts() -> dict[str, ScriptText]:
    """What the scripts of these pages say."""
    return {
        "people.nameless": _("No name"),
        "people.count": counted("{count} person", "{count} people"),
        "people.picked": counted("{count} person selected", "{count} people selected"),
        "people.pick": _("Select {name}"),
        "people.more": _("And conditions that have no field here: {names}"),
        "people.direct": _("direct"),
        "people.no_click": _("no click of ours"),
        "people.step_form": _("Write flow/step, such as sales/offer, or only the flow."),
        "people.segment_saved": _("The segment is saved."),
        "people.segment_gone": _("The segment is deleted. The people stay."),
        "people.segment.delete.title": _("Delete the segment {name}?"),
        "people.segment.delete.text": _("Only the saved conditions go. The people stay."),
        "people.segment.delete.action": _("Delete"),
        "people.all.tag.title": _("Put the tag {tag} on {n} people?"),
        "people.all.untag.title": _("Take the tag {tag} off {n} people?"),
        "people.all.block.title": _("Block {n} people?"),
        "people.all.unblock.title": _("Unblock {n} people?"),
        "people.block": _("Block"),
        "people.unblock": _("Unblock"),
        "people.blocked": _("Blocked: the bot does not answer them"),
        "people.all.text": _(
            "It is done for all who meet the conditions now, in the background; whoever comes later is left alone."
        ),
        "people.all.action": _("Go on"),
        "people.progress": _("{tag}: {done} of {total} looked at, {changed} changed"),
        "people.done": _("{tag}: done, {changed} changed"),
        "people.refused": counted(
            "{count} person has as many tags as anybody may and was left as they are.",
            "{count} people have as many tags as anybody may and were left as they are.",
        ),
        "people.not_listed": counted(
            "{count} person was left as they are: the list of their bot is full, or follows a file.",
            "{count} people were left as they are: the list of their bot is full, or follows a file.",
        ),
        "happened.in": _("Wrote"),
        "happened.out": _("The bot wrote"),
        "happened.by": _("{name} answered"),
        "happened.click": _("Click on {pool}"),
        "happened.start": _("Pressed Start"),
        "happened.step": _("Step {step} of {flow}"),
        "happened.goal": _("Goal {goal}"),
        "happened.times": counted("{count} time in all", "{count} times in all"),
    }
