"""What a postback can tell of an event: a click, the start that it became, or a goal. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from models import PostbackEvent
from plugins.goals import decimal_of
from services.traffic.clicks.source import AD_IDS

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id")
# A macro of an ad network that nobody filled in: {gclid}, {{ad.id}}, __CLICKID__, ${x}, [ad_id], <id>, %7Bgclid%7D.
UNEXPANDED: Final = re.compile(
    r"\$?\{.*\}|__[A-Za-z0-9_]+__|\[[A-Za-z0-9_.]+\]|<[A-Za-z0-9_.]+>|%7[Bb].*|%%.*%%|#[A-Za-z_]+#"
)


@dataclass(frozen=True)
class EventFacts:
    """An event. `person` is a hash that stands for somebody within the account; "" where nobody is known."""

    event: PostbackEvent
    event_id: str
    at: datetime
    click_id: str = ""
    clicked_at: datetime | None = None
    params: Mapping[str, str] = field(default_factory=dict)  # of the click: utm_* and ad ids
    goal: str = ""
    amount_micros: int | None = None
    currency: str = ""
    person: str = ""
    bot: str = ""  # username
    pool: str = ""  # name
    source: str = ""
    country: str = ""
    device: str = ""

    @property
    def is_refund(self) -> bool:
        """Whether it takes money back."""
        return (self.amount_micros or 0) < 0

    @property
    def value(self) -> float | None:
        """Its worth in units of the currency, for networks that want a number."""
        return None if self.amount_micros is None else float(decimal_of(self.amount_micros))

    def param(self, name: str) -> str:
        """A parameter of the click; "" where it did not come, or came as a macro that nobody had filled in."""
        value = str(self.params.get(name) or "").strip()
        return "" if UNEXPANDED.fullmatch(value) else value

    def named(self) -> dict[str, str]:
        """Everything by the name of its macro."""
        at = self.at.astimezone(UTC)
        return {
            "event": str(self.event),
            "event_id": self.event_id,
            "click_id": self.click_id,
            "goal": self.goal,
            "value": "" if self.amount_micros is None else decimal_of(self.amount_micros),
            "currency": self.currency,
            "time": str(int(at.timestamp())),
            "iso_time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "person": self.person,
            "bot": self.bot,
            "pool": self.pool,
            "source": self.source,
            "country": self.country,
            "device": self.device,
            **{name: self.param(name) for name in (*UTM, *AD_IDS)},
        }


MACROS: Final = tuple(EventFacts(PostbackEvent.CLICK, "", datetime(2026, 1, 1, tzinfo=UTC)).named())
