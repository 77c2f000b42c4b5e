"""What every driver has: a model of its configuration, and what it makes of an event. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from plugins.goals import MICROS, GoalError, micros_of
from services.core.errors import NotDelivered
from services.core.i18n import Text
from services.core.validation_texts import refusal
from services.queueing.pinned_http import Answered
from services.traffic.postbacks.facts import EventFacts

STARS: Final = "XTR"
DEAREST_STAR: Final = 1000 * MICROS
WORTHLESS: Final = Text("The network knows no Stars: enter in the settings what one is worth")
WORTH_REPEATING: Final = {408, 425, 429}  # and everything from 500 on; any other answer but 2xx is final


class Config(BaseModel):
    """Base of the drivers' configurations."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NetworkConfig(Config):
    """Of an ad network, which knows no Telegram Stars: what one is worth is the account's to say."""

    star_value: str = Field(
        "", max_length=20, description='what one Star (XTR) is worth, such as "0.013"; empty: nobody knows'
    )
    star_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"

    @field_validator("star_value")
    @classmethod
    def _is_worth(cls, value: str) -> str:
        try:
            is_fit = not value or 0 < micros_of(value) <= DEAREST_STAR
        except GoalError:
            is_fit = False
        if not is_fit:
            raise refusal("star_value")
        return value

    def in_money(self, facts: EventFacts) -> EventFacts | None:
        """The facts with Stars as money; None where nobody said what a Star is worth."""
        if facts.currency != STARS or facts.amount_micros is None:
            return facts
        if not self.star_value:
            return None
        micros = round(Fraction(facts.amount_micros * micros_of(self.star_value), MICROS))
        return replace(facts, amount_micros=micros, currency=self.star_currency)


@dataclass(frozen=True)
class Request:
    """An HTTP request. Neither its address nor its body goes into logs: either may hold a key."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Unwanted(Exception):
    """An event that the receiver would have no use for. `text` says why; nothing is sent."""

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Network:
    """Addresses of the networks' APIs (settings)."""

    meta_url: str
    tiktok_url: str


Output = Callable[[Any, str, EventFacts, Network], Request]  # configuration, secret; raises Unwanted
Refusal = Callable[[Answered], NotDelivered | None]


@dataclass(frozen=True)
class Driver:
    """How one kind of postback is configured and told. `needs_secret`: the account has to give an access token."""

    config: type[Config]
    output: Output | None  # None: it is downloaded as a file
    refusal: Refusal
    needs_secret: bool = False
    makes_secret: bool = False
    tests_by_code: bool = False  # the network counts a test as real, unless it carries a code


def refusal_by_status(answer: Answered) -> NotDelivered | None:
    """Why the receiver did not take it; None when it did."""
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        text = Text(
            "The receiver answered with a redirect ({status}), which is not followed: enter the final address",
            status=answer.status,
        )
        return NotDelivered(text, permanent=True)
    permanent = answer.status < 500 and answer.status not in WORTH_REPEATING
    text = Text("The receiver answered {status}", status=answer.status)
    return NotDelivered(text, permanent=permanent, retry_after=answer.retry_after)
