"""Payment providers' webhooks of an account: made, changed, deleted, and what a body would do."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, PaymentWebhook, PaymentWebhookCall
from services.core.errors import Conflict
from services.core.i18n import Text
from services.core.times import from_epoch
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import lock_account
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.payments.fields import MAX_WEBHOOKS, NewWebhook, ReadView, WebhookChange
from services.traffic.payments.receiving import owner_of, understood

PLAIN: Final = ("name", "signature_header", "timestamp_header", "tolerance_seconds", "is_enabled")


def create_webhook(platform: Platform, caller: Principal, new: NewWebhook) -> tuple[PaymentWebhook, str]:
    """A new webhook, and its secret, which is shown this once. Raises NotFound for a bot that is not the caller's, Conflict
    `quota_exceeded`.
    """
    secret = new.secret or f"whsec_{secrets.token_urlsafe(32)}"
    with platform.database.transaction() as session:
        _make_room(session, caller.account_id)
        row = PaymentWebhook(
            account_id=caller.account_id,
            name=new.name,
            path_id=secrets.token_urlsafe(24),
            signature_header=new.signature_header,
            timestamp_header=new.timestamp_header,
            tolerance_seconds=new.tolerance_seconds,
            mapping=new.mapping.model_dump(mode="json"),
            bot_id=None if new.bot_id is None else get_owned(session, caller, Bot, new.bot_id).id,
        )
        session.add(row)
        session.flush()  # the secret is sealed for the id
        row.sealed_secret = platform.vault.seal(secret, owner=owner_of(row.id))
        audit(session, caller, "payment_webhook_created", bot_id=row.bot_id, payment_webhook=row.id)
    return row, secret


def list_webhooks(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200
) -> Sequence[PaymentWebhook]:
    """The caller's webhooks, oldest first, with an id above `after`."""
    query = owned(caller, PaymentWebhook).where(PaymentWebhook.id > after)
    with platform.database.reading() as session:
        return session.scalars(query.order_by(PaymentWebhook.id).limit(limit)).all()


def get_webhook(platform: Platform, caller: Principal, webhook_id: int) -> PaymentWebhook:
    """One webhook of the caller; NotFound otherwise."""
    with looking(platform, caller) as session:
        return get_owned(session, caller, PaymentWebhook, webhook_id)


def refused_at(platform: Platform, row: PaymentWebhook) -> datetime | None:
    """When its address was last called with a wrong signature, within a day; None for never. Raises RedisError."""
    seconds = platform.redis.get(keys.refused_call(row.id))
    return from_epoch(int(seconds)) if seconds else None


def change_webhook(
    platform: Platform, caller: Principal, webhook_id: int, change: WebhookChange
) -> PaymentWebhook:
    """Change what the body names."""
    with platform.database.transaction() as session:
        row = get_owned(session, caller, PaymentWebhook, webhook_id)
        for name in PLAIN:
            value = getattr(change, name)
            if value is not None:
                setattr(row, name, value)
        if change.mapping is not None:
            row.mapping = change.mapping.model_dump(mode="json")
        if change.secret is not None:
            row.sealed_secret = platform.vault.seal(change.secret, owner=owner_of(row.id))
        audit(session, caller, "payment_webhook_changed", account_id=row.account_id, payment_webhook=row.id)
    return row


def delete_webhook(platform: Platform, caller: Principal, webhook_id: int) -> None:
    """Delete a webhook with its calls; the goals that it brought stay."""
    with platform.database.transaction() as session:
        row = get_owned(session, caller, PaymentWebhook, webhook_id)
        audit(session, caller, "payment_webhook_deleted", account_id=row.account_id, payment_webhook=row.id)
        session.delete(row)


def calls_of(
    platform: Platform, caller: Principal, webhook_id: int, *, limit: int = 50
) -> Sequence[PaymentWebhookCall]:
    """The newest signed calls, newest first."""
    with looking(platform, caller) as session:
        row = get_owned(session, caller, PaymentWebhook, webhook_id)
        query = select(PaymentWebhookCall).where(PaymentWebhookCall.webhook_id == row.id)
        return session.scalars(query.order_by(PaymentWebhookCall.id.desc()).limit(limit)).all()


def try_body(platform: Platform, caller: Principal, webhook_id: int, body: str) -> ReadView:
    """What a body would do if it came signed; nothing is kept."""
    with looking(platform, caller) as session:
        row = get_owned(session, caller, PaymentWebhook, webhook_id)
        read = understood(session, row, body.encode())
    reached = read.reached
    return {
        "result": str(read.result),
        "reason": read.reason,
        "event_id": read.event_id,
        "goal": reached.goal if reached else "",
        "amount_micros": reached.amount_micros if reached else None,
        "currency": reached.currency if reached else "",
        "telegram_id": reached.telegram_id if reached else None,
        "bot_id": reached.bot_id if reached else None,
        "click_id": reached.click_id if reached else None,
    }


def _make_room(session: Session, account_id: int) -> None:
    lock_account(session, account_id)
    query = select(func.count()).select_from(PaymentWebhook).where(PaymentWebhook.account_id == account_id)
    if (session.scalar(query) or 0) >= MAX_WEBHOOKS:
        raise Conflict(
            Text("An account has at most {most} of these: delete one first", most=MAX_WEBHOOKS),
            code="quota_exceeded",
        )
