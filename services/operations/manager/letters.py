"""/dead_letters: what was given up, by cause, and sending it in again."""

from __future__ import annotations

from typing import Final

from models import DeadLetterState
from plugins.fleet import FleetButton, Screen
from services.alerts.dead_letters.deciding import replay
from services.alerts.dead_letters.listing import Group, list_groups
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.core.i18n import Text
from services.operations.manager.person import (
    Person,
    confirmation,
    cut,
    page_line,
    page_of,
    pager,
)

LINES: Final = 5  # causes of a page: each has a button
LONGEST: Final = 200  # characters of a cause


def dead_letters(person: Person, _args: str) -> Screen:
    """The causes seen last."""
    return letters_page(person, "0")


def letters_page(person: Person, payload: str) -> Screen:
    """One page of them, each with a button that replays its letters; of those that may have arrived none."""
    groups = list_groups(person.platform, person.caller, _waiting())
    if not groups:
        return person.screen(Text("📭 No dead letters."))
    page, pages, shown = cut([*enumerate(groups)], page_of(payload), LINES)
    lines = [person.say(Text("📬 Dead letters, by cause")), ""]
    lines += [f"{number + 1}. {group.count} × {_about(group)}" for number, group in shown]
    rows = [
        [
            FleetButton(
                person.say(Text("🔁 Replay {n}: {count}", n=number + 1, count=group.count)),
                "ask_replay",
                group.fingerprint,
            )
        ]
        for number, group in shown
        if not group.is_uncertain
    ]
    return Screen(
        "\n".join([*lines, *page_line(person, page, pages)]), [*rows, *pager(person, "letters", page, pages)]
    )


def ask_replay(person: Person, payload: str) -> Screen:
    """How many it would be."""
    plan = replay(person.platform, person.caller, _selection(payload), dry_run=True)
    if not plan.replaying:
        return person.screen(Text("Nothing of this can be replayed. Discard what needs no answer."))
    return confirmation(
        person, Text("Replay dead letters: {count}?", count=plan.replaying), "do_replay", payload
    )


def replay_confirmed(person: Person, payload: str) -> Screen:
    """Have them sent in again."""
    plan = replay(person.platform, person.caller, _selection(payload))
    return person.screen(Text("🔁 Dead letters sent in again: {count}", count=plan.replaying))


def _about(group: Group) -> str:
    bots = ", ".join(f"@{name}" for name in group.bots[:3])
    return f"{group.kind} {bots} {group.example}".strip()[:LONGEST]


def _waiting() -> LetterFilter:
    return LetterFilter(state=DeadLetterState.OPEN)


def _selection(fingerprint: str) -> Selection:
    return Selection(
        filter=LetterFilter(state=DeadLetterState.OPEN, is_uncertain=False, fingerprint=fingerprint)
    )
