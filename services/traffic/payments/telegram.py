"""Payments that Telegram tells a bot of: each charge once, and with it the goal `purchase`; a refund takes it back.

Whatever plugins the bot has, and before any of them is asked: money has moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Bot, GoalSource, Payment
from plugins.goals import MICROS
from services.core.metrics import PAYMENTS
from services.core.storable import storable
from services.core.times import from_epoch
from services.platform.database import insert_of
from services.traffic.goals.recording import GoalReached, record_goals

PURCHASE: Final = "purchase"
PAID, REFUNDED = "successful_payment", "refunded_payment"
LARGEST: Final = 10**12  # of the smallest unit
# Digits behind the point by currency, where they are not two (core.telegram.org/bots/payments/currencies.json); of Stars none.
DIGITS: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        [
            "XTR",
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


SUBSCRIPTION = "subscription"
STATES: Final = ("active", "canceled", "failed")


def told_subscription(update_: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an update tells of a subscription that was cancelled, came back, or could not be paid; None for any other."""
    told = update_.get(SUBSCRIPTION)
    return told if isinstance(told, dict) else None


def record_subscription(
    session: Session, bot: Bot, told: Mapping[str, Any], update_id: int, at: datetime
) -> None:
    """Note the state with the newest payment of that subscription, in the caller's transaction, and as a goal without worth.

    ValueError for what tells of none.
    """
    try:
        telegram_id, state, payload = told["user"]["id"], told["state"], str(told["invoice_payload"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"a subscription that cannot be read: {type(error).__name__}") from None
    if state not in STATES:
        raise ValueError("a subscription in a state that is not known")
    newest = (
        select(Payment)
        .where(Payment.bot_id == bot.id, Payment.telegram_id == telegram_id, Payment.is_recurring)
        .where(Payment.payload == storable(payload)[:128])
        .order_by(Payment.at.desc(), Payment.id.desc())
        .limit(1)
    )
    payment = session.scalars(newest).first()
    if payment is not None:
        payment.subscription_state = state
    reached = GoalReached(
        account_id=bot.account_id,
        goal=f"subscription_{state}",
        event_id=f"subscription:{bot.id}:{update_id}",
        source=GoalSource.PAYMENT,
        at=at,
        bot_id=bot.id,
        telegram_id=telegram_id,
    )
    record_goals(session, [reached])


def told_payment(update_: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The message of an update that tells of a payment or a refund; None for any other update."""
    message = update_.get("message")
    is_told = isinstance(message, dict) and (PAID in message or REFUNDED in message)
    return message if is_told else None


def record_payment(session: Session, bot: Bot, message: Mapping[str, Any], at: datetime) -> bool:
    """Note what `message` tells in the caller's transaction; whether it is news. ValueError for what makes no payment.

    A refund of a charge that nobody told us of is kept as one that was paid and refunded.
    """
    is_refund = REFUNDED in message
    told = message[REFUNDED if is_refund else PAID]
    row = _row(bot, message, told, at)
    new = session.scalars(
        insert_of(session, Payment)
        .values(**row)
        .on_conflict_do_nothing(index_elements=["bot_id", "charge_id"])
        .returning(Payment.id)
    ).first()
    if is_refund and not _marked(session, bot.id, row["charge_id"], at):
        return False
    if not is_refund and new is None:
        return False
    PAYMENTS.labels("refunded" if is_refund else "paid").inc()
    record_goals(session, _goals(bot, row, at, is_refund=is_refund, is_told=new is None or not is_refund))
    return True


def _marked(session: Session, bot_id: int, charge_id: str, at: datetime) -> bool:
    done: Any = session.execute(
        update(Payment)
        .where(Payment.bot_id == bot_id, Payment.charge_id == charge_id, Payment.refunded_at.is_(None))
        .values(refunded_at=at)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)


def _row(bot: Bot, message: Mapping[str, Any], told: Any, at: datetime) -> dict[str, Any]:
    try:
        currency, amount = str(told["currency"])[:3], int(told["total_amount"])
        if not 0 <= amount <= LARGEST:
            raise ValueError(amount)
        until = told.get("subscription_expiration_date")
        return {
            "account_id": bot.account_id,
            "bot_id": bot.id,
            "telegram_id": (message.get("from") or message["chat"])["id"],
            "charge_id": storable(str(told["telegram_payment_charge_id"]))[:255],
            "provider_charge_id": storable(str(told.get("provider_payment_charge_id") or ""))[:255],
            "amount_micros": amount * MICROS // 10 ** DIGITS.get(currency, 2),
            "currency": currency,
            "payload": storable(str(told.get("invoice_payload") or ""))[:128],
            "is_recurring": bool(told.get("is_recurring")),
            "is_first_recurring": bool(told.get("is_first_recurring")),
            "paid_until": from_epoch(int(until)) if until else None,
            "subscription_state": "active" if until else "",
            "at": at,
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"a payment that cannot be read: {type(error).__name__}") from None


def _goals(
    bot: Bot, row: Mapping[str, Any], at: datetime, *, is_refund: bool, is_told: bool
) -> list[GoalReached]:
    """The purchase, or what takes it back. A charge that was only told of by its refund was no purchase of ours to take back."""
    if not is_told:
        return []
    charge = hashlib.sha256(row["charge_id"].encode()).hexdigest()[:40]
    payment = f"payment:{bot.id}:{charge}"
    return [
        GoalReached(
            account_id=bot.account_id,
            goal=PURCHASE,
            event_id=f"refund:{bot.id}:{charge}" if is_refund else payment,
            takes_back=payment if is_refund else "",
            source=GoalSource.PAYMENT,
            at=at,
            bot_id=bot.id,
            telegram_id=row["telegram_id"],
            amount_micros=-row["amount_micros"] if is_refund else row["amount_micros"],
            currency=row["currency"],
        )
    ]
