"""Things of a tenant that take more than a line to make."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from models import Account, Bot, ChatRequest, DeadLetter, PaymentWebhook, Postback, TelegramLink
from services.core.i18n import Text
from services.core.times import utc_now


def asked_in_chat(session: Session, account: Account, number: int) -> ChatRequest:
    """What somebody at Telegram who acts for the account has asked for."""
    link = TelegramLink(telegram_id=number, account_id=account.id)
    session.add(link)
    session.flush()
    asked = ChatRequest(
        id=f"{number:032x}",
        account_id=account.id,
        link_id=link.id,
        action="reload_all",
        payload="",
        words=Text("Load all bots anew ({count})", count=1),
        language="en",
        expires_at=utc_now() + timedelta(minutes=5),
    )
    session.add(asked)
    session.flush()
    return asked


def places_of_money(session: Session, account: Account, number: int) -> tuple[Postback, PaymentWebhook]:
    """A postback of the account, and a webhook of a payment provider's."""
    postback = Postback(account_id=account.id, driver="google", name=f"pool{number} postback")
    webhook = PaymentWebhook(
        account_id=account.id,
        name=f"pool{number} webhook",
        path_id=f"payments{number}",
        signature_header="X-Signature",
        mapping={"person": "id", "event_id": "id"},
    )
    session.add_all([postback, webhook])
    session.flush()
    return postback, webhook


def letter_of(bot: Bot, number: int) -> DeadLetter:
    """A dead letter of the bot."""
    return DeadLetter(
        account_id=bot.account_id,
        bot_id=bot.id,
        kind="update",
        source_id=f"update:{bot.id}:1",
        error_id=f"E{number}",
        error=f"pool{number} failed",
        fingerprint="f" * 32,
    )
