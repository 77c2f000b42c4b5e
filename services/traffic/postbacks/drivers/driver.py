"""What every driver has: a model of its configuration, and what it makes of an event. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from services.core.errors import NotDelivered
from services.core.i18n import Text
from services.queueing.pinned_http import Answered
from services.traffic.postbacks.facts import EventFacts

WORTH_REPEATING: Final = {408, 425, 429}  # and everything from 500 on; any other answer but 2xx is final


class Config(BaseModel):
    """Base of the drivers' configurations."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


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
