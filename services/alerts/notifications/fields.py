"""What may be set at a destination, checked: names, quiet hours, rules."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from email.utils import parseaddr
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from models import NotificationRule
from services.alerts.notifications.kinds import Kind, Level
from services.core.errors import InvalidInput
from services.core.i18n import Text

DEFAULT_ZONE: Final = "America/Sao_Paulo"
MAX_NAME: Final = 100
MAX_RULES: Final = 50
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
CHAT_ID = re.compile(r"-?[1-9]\d{0,17}")
MAILBOX = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True)
class Rule:
    """One rule; what is None matches everything. Several rules of a destination are alternatives."""

    kind: str | None = None
    min_level: str | None = None
    pool_id: int | None = None

    def row(self) -> NotificationRule:
        """The rule as a row."""
        return NotificationRule(kind=self.kind, min_level=self.min_level, pool_id=self.pool_id)


@dataclass(frozen=True)
class Quiet:
    """Quiet hours on the wall clock of `time_zone`; critical notifications pass if wanted."""

    begin: str
    end: str
    time_zone: str = DEFAULT_ZONE
    critical_passes: bool = True


@dataclass(frozen=True)
class NewDestination:
    """What makes a destination. `address` is a chat id or an e-mail address, `url` a webhook's."""

    kind: str
    name: str = ""
    address: str = ""
    url: str = ""
    bot_id: int | str | None = None
    reserve_bot_id: int | str | None = None
    quiet: Quiet | None = None
    rules: tuple[Rule, ...] = field(default=())


def checked_quiet(quiet: Quiet) -> Quiet:
    """`quiet`, if its times and its zone exist; InvalidInput otherwise."""
    for name, text in (("quiet.from", quiet.begin), ("quiet.until", quiet.end)):
        if not CLOCK.fullmatch(text):
            raise InvalidInput("Write the time as 22:00", code="time_malformed", field=name)
    if time.fromisoformat(quiet.begin) == time.fromisoformat(quiet.end):
        raise InvalidInput("Quiet hours must begin and end at different times", field="quiet.until")
    if quiet.time_zone not in zones():
        raise InvalidInput("There is no such time zone", code="time_zone_unknown", field="quiet.time_zone")
    return quiet


def checked_rules(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """`rules`, if their kinds and levels exist; InvalidInput otherwise. Pools are looked up by the use case."""
    if len(rules) > MAX_RULES:
        raise InvalidInput(Text("At most {most} rules", most=MAX_RULES), field="rules")
    for rule in rules:
        if rule.kind is not None and rule.kind not in set(Kind):
            raise InvalidInput(
                "There is no such kind of notification", code="kind_unknown", field="rules.kind"
            )
        if rule.min_level is not None and rule.min_level not in (Level.INFO, Level.WARNING, Level.CRITICAL):
            raise InvalidInput("min_level is info, warning or critical", field="rules.min_level")
    return rules


def checked_mailbox(address: str) -> str:
    """An e-mail address and nothing beside it; InvalidInput otherwise."""
    address = address.strip()
    if len(address) > 254 or parseaddr(address)[1] != address or not MAILBOX.fullmatch(address):
        raise InvalidInput("This is not an e-mail address", code="email_malformed", field="address")
    return address


def checked_chat(address: str) -> str:
    """A Telegram chat id as text, "" when the chat is to be linked by code; InvalidInput otherwise."""
    if address and not CHAT_ID.fullmatch(address):
        raise InvalidInput("A chat id is a number such as 123456789", code="chat_malformed", field="address")
    return address


@cache
def zones() -> frozenset[str]:
    """The names of all time zones known here."""
    return frozenset(available_timezones())
