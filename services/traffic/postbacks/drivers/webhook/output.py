"""The event as signed JSON."""

from __future__ import annotations

import json
import time

from services.alerts.notifications.destinations.webhook import SIGNATURE, sign
from services.traffic.postbacks.drivers.driver import Network, Request
from services.traffic.postbacks.drivers.webhook.config import WebhookConfig
from services.traffic.postbacks.facts import EventFacts


def output(config: WebhookConfig, secret: str, facts: EventFacts, _network: Network) -> Request:
    """The request; its Idempotency-Key is the event's id."""
    event = {**facts.named(), "amount_micros": facts.amount_micros}
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": facts.event_id,
        SIGNATURE: sign(secret, body, int(time.time())),
    }
    return Request("POST", config.url, headers, body)
