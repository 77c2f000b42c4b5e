"""What a destination is sent: one or several notifications as one message, as text, as subject, as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.alerts.notifications.incidents import rings, standing
from services.core.i18n import NO_TEXT, Text, translate
from services.core.times import iso

LATE = timedelta(minutes=5)  # a text that comes later than this says when it happened
SUBJECT_CHARACTERS: Final = 150
UTC_ZONE: Final = ZoneInfo("UTC")
TEST_KIND: Final = "test"
SIGNS = re.compile(r"^\W+")

TEST_TEXT: Final = Text("🔔 Test from Flotilla: this destination gets notifications.")


@dataclass(frozen=True)
class Event:
    """A notification inside a message; `text` is in the account's language."""

    id: int
    kind: str
    level: str
    at: datetime
    pool_id: int | None
    bot_id: int | None
    params: Mapping[str, Any]
    text: str
    link: str = ""  # a page that tells more
    incident: int = 0


@dataclass(frozen=True)
class Message:
    """What goes out at once. `key` is the same in every attempt, so that a receiver knows a repeated one.

    `earlier` are the events that were sent of the same incident, first in order; `previous` is what they were sent as.
    """

    key: str
    locale: str
    events: tuple[Event, ...]
    zone: ZoneInfo = UTC_ZONE
    earlier: tuple[Event, ...] = ()
    previous: str = ""

    @property
    def rings(self) -> bool:
        """Whether it shall be heard: a message that is changed in place makes no sound."""
        return rings(self.events, self.earlier)

    def text(self, now: datetime) -> str:
        """The incident as it stands; what happened a while before `now` with its local time."""
        shown = standing([*self.earlier, *self.events])
        return "\n\n".join(_dated(event, now, self.zone) for event in shown)

    def subject(self) -> str:
        """One line for an e-mail: the gravest event, and how many there are."""
        first = _first_line(max(self.events, key=lambda event: event.level == "critical").text)
        if len(self.events) > 1:
            count = len(self.events)
            first = translate(Text("{count} notifications: {first}", count=count, first=first), self.locale)
        return f"Flotilla · {first}"[:SUBJECT_CHARACTERS]

    def as_json(self) -> dict[str, Any]:
        """The body of a webhook; fields are only ever added (docs/notifications.md)."""
        return {
            "id": self.key,
            "test": any(event.kind == TEST_KIND for event in self.events),
            "events": [_event_json(event) for event in self.events],
        }


@dataclass(frozen=True)
class Receipt:
    """What became of a message that arrived: what it was sent as where it can be changed, and what its owner should know."""

    sent_as: str = ""
    note: Text = NO_TEXT


def make_test(key: str, locale: str, at: datetime) -> Message:
    """The message by which a person tries a destination."""
    event = Event(0, TEST_KIND, "info", at, None, None, {}, translate(TEST_TEXT, locale))
    return Message(key, locale, (event,))


def _dated(event: Event, now: datetime, zone: ZoneInfo) -> str:
    late = [f"🕒 {event.at.astimezone(zone):%d/%m %H:%M}"] if now - event.at >= LATE else []
    more = [f"🔗 {event.link}"] if event.link else []
    return "\n".join([event.text, *more, *late])


def _first_line(text: str) -> str:
    """Without the sign in front and without anything that could end a mail header."""
    return SIGNS.sub("", " ".join(text.partition("\n")[0].split()))


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "kind": event.kind,
        "level": event.level,
        "at": iso(event.at),
        "pool_id": event.pool_id,
        "bot_id": event.bot_id,
        "params": dict(event.params),
        "text": event.text,
        "link": event.link or None,
        "incident": event.incident or None,
    }
