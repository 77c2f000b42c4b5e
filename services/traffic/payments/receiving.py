"""Calls of payment providers: the signature checked, the body read as the webhook's mapping says, its goal noted once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping as Headers
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import CallResult, Goal, GoalSource, Lead, PaymentWebhook, PaymentWebhookCall
from services.core.i18n import NO_TEXT, Text
from services.core.metrics import PAYMENT_CALLS
from services.core.storable import storable
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.goals.noting import find_click, find_lead
from services.traffic.goals.recording import GoalReached, record_goals
from services.traffic.payments.mapping import Found, Mapping, Unfit, read_body
from services.traffic.payments.masking import masked
from services.traffic.payments.signatures import SignedBy, is_signed

LARGEST_BODY: Final = 64 * 1024  # bytes
REFUSED_KEPT_SECONDS: Final = 86_400


@dataclass(frozen=True)
class Read:
    """What a body comes to: a goal, or why none."""

    result: CallResult
    reason: Text = NO_TEXT
    event_id: str = ""
    reached: GoalReached | None = None


def owner_of(webhook_id: int) -> str:
    """For whom a webhook's secret is sealed."""
    return f"payment_webhook:{webhook_id}"


def receive_call(platform: Platform, path_id: str, headers: Headers[str, str], body: bytes) -> bool:
    """Take a provider's call; False for an unknown address and for a wrong signature alike. Raises Unavailable.

    The provider's repetition of a call is known by its event id. What the mapping makes nothing of is taken all the same, and
    kept for its owner to look at: the provider would only repeat it.
    """
    with platform.database.reading() as session:
        row = session.scalars(
            select(PaymentWebhook).where(PaymentWebhook.path_id == storable(path_id))
        ).first()
    is_known = row is not None and row.is_enabled
    if row is None or not is_known or not _is_genuine(platform, row, headers, body):
        if row is not None and is_known:  # for its owner, who may have entered the wrong secret
            platform.redis.set(keys.refused_call(row.id), int(time.time()), ex=REFUSED_KEPT_SECONDS)
        PAYMENT_CALLS.labels("rejected").inc()
        return False
    with platform.database.transaction() as session:
        present = session.get(PaymentWebhook, row.id)
        if present is not None:
            _keep(session, present, understood(session, present, body), body)
    return True


def _is_genuine(platform: Platform, row: PaymentWebhook, headers: Headers[str, str], body: bytes) -> bool:
    secret = platform.vault.unseal(row.sealed_secret, owner=owner_of(row.id))
    how = SignedBy(secret, row.signature_header, row.timestamp_header, row.tolerance_seconds)
    return is_signed(how, headers, body, time.time())


def _keep(session: Session, row: PaymentWebhook, read: Read, body: bytes) -> None:
    result = read.result
    if read.reached is not None and not record_goals(session, [read.reached]):
        result = CallResult.DUPLICATE
    PAYMENT_CALLS.labels(result).inc()
    row.last_call_at = utc_now()
    call = PaymentWebhookCall(webhook_id=row.id, result=result, reason=read.reason, event_id=read.event_id)
    call.body = masked(body, Mapping.model_validate(row.mapping))
    session.add(call)


def understood(session: Session, row: PaymentWebhook, body: bytes) -> Read:
    """What a body comes to, by the webhook's mapping and the account's people; nothing is written."""
    try:
        found = read_body(Mapping.model_validate(row.mapping), _json(body))
        if found is None:
            return Read(CallResult.SKIPPED, Text("The condition is not met"))
        reached = _reached(session, row, found)
    except Unfit as error:
        return Read(CallResult.FAILED, error.text)
    known = exists().where(Goal.account_id == row.account_id, Goal.event_id == reached.event_id)
    if session.scalar(select(known)):
        return Read(CallResult.DUPLICATE, Text("This event was noted before"), reached.event_id, reached)
    return Read(CallResult.RECORDED, NO_TEXT, reached.event_id, reached)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Unfit(Text("The body is no JSON")) from None


def _reached(session: Session, row: PaymentWebhook, found: Found) -> GoalReached:
    click = find_click(session, row.account_id, found.click) if found.click else None
    lead = None
    if found.telegram_id is not None:
        lead = find_lead(session, row.account_id, found.telegram_id, row.bot_id)
    elif click is not None and click.lead_id:
        lead = session.get(Lead, click.lead_id)
    if lead is None and click is None:
        raise Unfit(Text("None of your bots knows this person, and there is no such click"))
    return GoalReached(
        account_id=row.account_id,
        goal=found.goal,
        event_id=f"w{row.id}:{found.event_id}"[:100],
        takes_back=f"w{row.id}:{found.takes_back}" if found.takes_back else "",
        source=GoalSource.WEBHOOK,
        at=utc_now(),
        bot_id=lead.bot_id if lead else row.bot_id,
        telegram_id=lead.telegram_id if lead else None,
        click_id=click.id if click else None,
        amount_micros=found.amount_micros,
        currency=found.currency,
    )
