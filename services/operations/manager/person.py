"""Who writes to the manager bot, and the few shapes that all screens are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from plugins.fleet import FleetButton, Screen
from services.core.i18n import Text, translate
from services.core.times import utc_now
from services.platform.accounts.principal import Principal
from services.platform.accounts.telegram_links import LinkedPerson
from services.platform.platform import Platform

CONFIRM: Final = Text("✅ Confirm")
CANCEL: Final = Text("❌ Cancel")
Rows = Sequence[Sequence[FleetButton]]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Person:
    """A linked person: for whom they act, and the language in which they are answered."""

    platform: Platform
    linked: LinkedPerson
    language: str

    @property
    def caller(self) -> Principal:
        """Who acts in what the person asks for."""
        return self.linked.principal

    def say(self, template: Text) -> str:
        """A text in the person's language."""
        return translate(template, self.language)

    def screen(self, text: Text, buttons: Rows = ()) -> Screen:
        """A screen with one text."""
        return Screen(self.say(text), buttons)


def confirmation(person: Person, question: Text, action: str, payload: str) -> Screen:
    """Ask before something is done. The button works once, for five minutes, for this person.

    What takes more than a button is asked where it is done (`sensitive`).
    """
    yes = FleetButton(person.say(CONFIRM), action, payload, once=True)
    return person.screen(question, [[yes, FleetButton(person.say(CANCEL), "cancel")]])


def pager(person: Person, action: str, page: int, pages: int, payload: str = "") -> list[list[FleetButton]]:
    """The buttons of the pages before and behind; none where there is one page. Pages count from 0."""
    near = [(number, sign) for number, sign in ((page - 1, "◀️"), (page + 1, "▶️")) if 0 <= number < pages]
    return [[FleetButton(sign, action, f"{number}{payload}") for number, sign in near]] if near else []


def page_line(person: Person, page: int, pages: int) -> list[str]:
    """Which page it is, as a line of its own; none where there is one page."""
    return [person.say(Text("Page {page} of {pages}", page=page + 1, pages=pages))] if pages > 1 else []


def page_of(payload: str) -> int:
    """The page that a button asks for; ours alone make them."""
    return int(payload) if payload.isdecimal() else 0


def cut(items: Sequence[Item], page: int, each: int) -> tuple[int, int, Sequence[Item]]:
    """The page, how many there are, and what stands on it; the last one where lists got shorter below buttons that stay."""
    pages = pages_of(len(items), each)
    page = min(page, pages - 1)
    return page, pages, items[page * each : (page + 1) * each]


def pages_of(total: int, each: int) -> int:
    """How many pages `total` lines take, at least one."""
    return max(1, -(-total // each))


def since(moment: datetime | None) -> str:
    """How long ago, in its two largest units: "3d 4h", "2h 34m", "5m"."""
    minutes = int((utc_now() - moment).total_seconds() // 60) if moment else 0
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes % 60}m" if hours else f"{minutes}m"
