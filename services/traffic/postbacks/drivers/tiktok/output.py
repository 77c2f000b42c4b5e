"""Events for TikTok's Events API, v1.3 (business-api.tiktok.com: POST event/track/, the token in the header Access-Token)."""

from __future__ import annotations

import json
from typing import Any, Final

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
from services.traffic.postbacks.drivers.tiktok.config import TiktokConfig
from services.traffic.postbacks.facts import EventFacts

TRANSIENT: Final = {40100, 50000, 50002}  # too many requests, faults on their side
OK: Final = 0


def output(config: TiktokConfig, secret: str, facts: EventFacts, network: Network) -> Request:
    """The request; Unwanted for a refund, which TikTok does not take, and where nothing tells whose event it was, or what its
    Stars are worth.
    """
    if facts.is_refund:
        raise Unwanted(Text("This network takes no refunds"))
    told = config.in_money(facts)
    if told is None:
        raise Unwanted(WORTHLESS)
    known = {"ttclid": facts.param("ttclid"), "external_id": facts.person}
    user = {name: value for name, value in known.items() if value}
    if not user:
        raise Unwanted(Text("Neither an ad's click nor a person is known"))
    event: dict[str, Any] = {
        "event": config.names.get(facts.goal or str(facts.event), facts.goal or str(facts.event)),
        "event_time": int(facts.at.timestamp()),
        "event_id": facts.event_id,
        "user": user,
    }
    if told.value is not None:
        event["properties"] = {"value": told.value, "currency": told.currency}
    whole: dict[str, Any] = {"event_source": "web", "event_source_id": config.pixel_code, "data": [event]}
    if config.test_event_code and facts.event_id.startswith("test:"):
        whole["test_event_code"] = config.test_event_code
    headers = {"Content-Type": "application/json", "Access-Token": secret}
    return Request("POST", f"{network.tiktok_url}/event/track/", headers, json.dumps(whole).encode())


def refusal(answer: Answered) -> NotDelivered | None:
    """Why TikTok did not take it: it answers 200 with a code of its own."""
    plain = refusal_by_status(answer)
    if plain is not None:
        return plain
    try:
        told = json.loads(answer.body)
        code, said = int(told["code"]), str(told.get("message") or "")[:150]
    except (ValueError, KeyError, TypeError):
        return NotDelivered("The network's answer cannot be read")
    if code == OK:
        return None
    text = Text(
        "The network answered {status}, code {code}: {reason}", status=answer.status, code=code, reason=said
    )
    return NotDelivered(text, permanent=code not in TRANSIENT)
