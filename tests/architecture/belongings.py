"""Things of a tenant that take more than a line to make."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from models import Account, ChatRequest, Flow, FlowVersion, TelegramLink
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


def flow_with_a_version(session: Session, account: Account) -> Flow:
    """A flow of the account that was published once."""
    document = {"start": "a", "steps": [{"key": "a"}]}
    made = {"account_id": account.id, "key": "sales", "name": "Sales", "draft": document, "published": 1}
    flow = Flow(**made, draft_by="test")
    session.add(flow)
    session.flush()
    session.add(FlowVersion(flow_id=flow.id, number=1, document=document, published_by="test"))
    return flow
