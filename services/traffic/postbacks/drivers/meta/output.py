"""Events for Meta's Conversions API (developers.facebook.com/docs/marketing-api/conversions-api).

`action_source` is `other`: a chat with a bot is none of the kinds that Meta knows. `event_id` is the same in every attempt, by
which Meta tells repeated ones. The token goes in the body, so that it stands in no log of addresses.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from services.core.errors import NotDelivered
from services.core.i18n import Text
from services.queueing.pinned_http import Answered
from services.traffic.postbacks.drivers.driver import (
    WORTHLESS,
    Network,
    Request,
    Unwanted,
    refusal_by_status,
)
from services.traffic.postbacks.drivers.meta.config import MetaConfig
from services.traffic.postbacks.facts import EventFacts

TRANSIENT = {1, 2, 4, 17, 341, 80004}  # Meta's codes: try again later
FORM = "application/x-www-form-urlencoded"


def output(config: MetaConfig, secret: str, facts: EventFacts, network: Network) -> Request:
    """The request; Unwanted for a refund, which Meta does not take, and where nothing tells whose event it was, or what its
    Stars are worth.
    """
    if facts.is_refund:
        raise Unwanted(Text("This network takes no refunds"))
    told = config.in_money(facts)
    if told is None:
        raise Unwanted(WORTHLESS)
    user = _user(facts)
    if not user:
        raise Unwanted(Text("Neither an ad's click nor a person is known"))
    event: dict[str, Any] = {
        "event_name": config.names.get(facts.goal or str(facts.event), facts.goal or str(facts.event)),
        "event_time": int(facts.at.timestamp()),
        "event_id": facts.event_id,
        "action_source": "other",
        "user_data": user,
    }
    if told.value is not None:
        event["custom_data"] = {"value": told.value, "currency": told.currency}
    fields = {"data": json.dumps([event]), "access_token": secret}
    if config.test_event_code and facts.event_id.startswith("test:"):
        fields["test_event_code"] = config.test_event_code
    url = f"{network.meta_url}/{config.pixel_id}/events"
    return Request("POST", url, {"Content-Type": FORM}, urlencode(fields).encode())


def _user(facts: EventFacts) -> dict[str, Any]:
    """Who it was: the click of an ad as Meta's cookie would have it, and the person as a hash."""
    user: dict[str, Any] = {}
    fbclid = facts.param("fbclid")
    if fbclid:
        clicked = facts.clicked_at or facts.at
        user["fbc"] = f"fb.1.{int(clicked.timestamp() * 1000)}.{fbclid}"
    if facts.person:
        user["external_id"] = [facts.person]
    if facts.country:
        user["country"] = [_hashed(facts.country.lower())]
    return user if "fbc" in user or "external_id" in user else {}


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def refusal(answer: Answered) -> NotDelivered | None:
    """Why Meta did not take it, by its own code."""
    plain = refusal_by_status(answer)
    if plain is None:
        return None
    try:
        error = json.loads(answer.body)["error"]
        code, said = int(error["code"]), str(error.get("message") or "")[:150]
    except (ValueError, KeyError, TypeError):
        return plain
    permanent = plain.permanent and code not in TRANSIENT and not error.get("is_transient")
    text = Text(
        "The network answered {status}, code {code}: {reason}", status=answer.status, code=code, reason=said
    )
    return NotDelivered(text, permanent=permanent, retry_after=plain.retry_after)
