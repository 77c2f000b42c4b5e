"""/broadcasts: how far each is, and pausing, resuming or stopping one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import select

from models import Broadcast, BroadcastStatus
from plugins.fleet import FleetButton, Screen
from services.core.errors import NotFound
from services.core.i18n import Text
from services.messaging.broadcasts import lifecycle
from services.messaging.broadcasts.moving import WORDS, may_move
from services.messaging.broadcasts.views import describe
from services.operations.manager.person import Person, confirmation, cut, page_line, page_of, pager

LINES: Final = 8  # broadcasts of a page: each has a button
CAUSES: Final = 10  # of a broadcast that are shown, the most frequent first
LONGEST: Final = 150  # characters of a cause
TO: Final[Mapping[str, BroadcastStatus]] = {
    "pause": BroadcastStatus.PAUSED,
    "resume": BroadcastStatus.RUNNING,
    "stop": BroadcastStatus.STOPPED,
}
LABELS: Final = {"pause": Text("⏸️ Pause"), "resume": Text("▶️ Resume"), "stop": Text("⏹️ Stop")}
HELD: Final = (BroadcastStatus.PAUSED, BroadcastStatus.BRAKED)


def broadcasts(person: Person, _args: str) -> Screen:
    """Every broadcast in a line, the newest first."""
    return broadcasts_page(person, "0")


def broadcasts_page(person: Person, payload: str) -> Screen:
    """One page of them, each with a button."""
    mine = Broadcast.account_id == person.caller.account_id
    newest = (Broadcast.created_at.desc(), Broadcast.id.desc())
    with person.platform.database.reading() as session:
        found = list(session.scalars(select(Broadcast).where(mine).order_by(*newest)))
    if not found:
        return person.screen(Text("You have no broadcasts yet; make one in the panel."))
    page, pages, shown = cut(found, page_of(payload), LINES)
    lines = [person.say(Text("📣 Your broadcasts: {total}", total=len(found))), ""]
    lines += [person.say(_line(each)) for each in shown]
    rows = [[FleetButton(each.name, "broadcast", str(each.id))] for each in shown]
    turns = pager(person, "broadcasts", page, pages)
    return Screen("\n".join([*lines, *page_line(person, page, pages)]), [*rows, *turns])


def broadcast_tapped(person: Person, payload: str) -> Screen:
    """One in full."""
    found = _own(person, payload)
    view = describe(found)
    counts = view["counts"]
    causes = sorted(view["causes"].items(), key=lambda each: -each[1])[:CAUSES]
    lines = [
        person.say(_line(found)),
        "",
        person.say(Text("Failed: {count}", count=counts["failed"])),
        *(f"· {number} × {cause[:LONGEST]}" for cause, number in causes),
        person.say(Text("Blocked: {count}", count=counts["blocked"])),
        person.say(Text("Left: {count}", count=counts["left"])),
    ]
    row = [
        FleetButton(person.say(LABELS[word]), f"ask_broadcast_{word}", payload)
        for word in TO
        if _may(found, word)
    ]
    return Screen("\n".join(lines), [row] if row else [])


def ask(word: str) -> Callable[[Person, str], Screen]:
    """The tap that asks before it is done."""

    def asked(person: Person, payload: str) -> Screen:
        found = _own(person, payload)
        questions = {
            "pause": Text("Pause broadcast {name}?", name=found.name),
            "resume": Text("Resume broadcast {name}?", name=found.name),
            "stop": Text("Stop broadcast {name} for good? Whoever waits gets nothing.", name=found.name),
        }
        return confirmation(person, questions[word], f"do_broadcast_{word}", payload)

    return asked


def confirmed(word: str) -> Callable[[Person, str], Screen]:
    """The tap that does it; one that is handled once more changes nothing more."""

    def done(person: Person, payload: str) -> Screen:
        found = _own(person, payload)
        if found.status != TO[word]:
            deeds = {"pause": lifecycle.pause, "resume": lifecycle.resume, "stop": lifecycle.stop}
            deeds[word](person.platform, person.caller, found.id)
        return broadcast_tapped(person, payload)

    return done


def _may(found: Broadcast, word: str) -> bool:
    return may_move(found, TO[word]) and (word != "resume" or found.status in HELD)


def _line(found: Broadcast) -> Text:
    return Text(
        "{name}: {state}, sent {sent} of {total}",
        name=found.name,
        state=WORDS[BroadcastStatus(found.status)],
        sent=describe(found)["counts"]["sent"],
        total=found.recipients,
    )


def _own(person: Person, payload: str) -> Broadcast:
    mine = Broadcast.account_id == person.caller.account_id
    with person.platform.database.reading() as session:
        found = session.scalar(select(Broadcast).where(mine, Broadcast.id == int(payload)))
    if found is None:
        raise NotFound("There is no such broadcast", code="broadcast_not_found")
    return found
