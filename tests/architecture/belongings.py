"""Things of a tenant that take more than a line to make."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.orm import Session

from models import (
    Account,
    Bot,
    ChatRequest,
    Conversation,
    DeadLetter,
    ExchangeRate,
    Flow,
    FlowVersion,
    Media,
    PaymentWebhook,
    PeopleChange,
    Postback,
    Segment,
    SpendImport,
    TelegramLink,
)
from services.core.i18n import Text
from services.core.times import utc_now

Ids = dict[str, tuple[str, ...]]  # by the name of the URL variable


def of_conversations(session: Session, account: Account, bot: Bot) -> Ids:
    """A saved segment, a change of many people, a conversation, a flow that was published once, and a file of the library."""
    segment = Segment(account_id=account.id, name="Everybody")
    change = PeopleChange(account_id=account.id, actor="x", action="tag", tag="x", total=0, last_lead_id=0)
    talk = Conversation(account_id=account.id, bot_id=bot.id, telegram_id=7, last_message_at=utc_now())
    document = {"start": "a", "steps": [{"key": "a"}]}
    made = {"account_id": account.id, "key": "sales", "name": "Sales", "draft": document, "published": 1}
    flow = Flow(**made, draft_by="test")
    facts = {"kind": "photo", "mime": "image/png", "size": 1, "stored_at": utc_now()}
    name = f"{account.id:032x}"
    media = Media(
        account_id=account.id, name=f"{bot.username}.png", sha256="1" * 64, stored_name=name, **facts
    )
    session.add_all([segment, change, talk, flow, media])
    session.flush()
    session.add(FlowVersion(flow_id=flow.id, number=1, document=document, published_by="test"))
    return _ids(
        segment_id=segment.id,
        change_id=change.id,
        conversation_id=talk.id,
        flow_id=flow.id,
        media_id=media.id,
    )


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


def of_money(session: Session, account: Account, number: int) -> Ids:
    """A postback of the account, a webhook of a payment provider's, an import of costs and an exchange rate."""
    postback = Postback(account_id=account.id, driver="google", name=f"pool{number} postback")
    webhook = PaymentWebhook(
        account_id=account.id,
        name=f"pool{number} webhook",
        path_id=f"payments{number}",
        signature_header="X-Signature",
        mapping={"person": "id", "event_id": "id"},
    )
    costs = SpendImport(account_id=account.id, name=f"pool{number}.csv", actor="x", status="uploading")
    rate = ExchangeRate(
        account_id=account.id, currency="USD", into="BRL", day=date(2026, 11, number), rate_billionths=10**9
    )
    session.add_all([postback, webhook, costs, rate])
    session.flush()
    return _ids(postback_id=postback.id, webhook_id=webhook.id, import_id=costs.id, rate_id=rate.id)


def _ids(**found: int) -> Ids:
    return {name: (str(number),) for name, number in found.items()}


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
