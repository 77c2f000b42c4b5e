"""Things of a tenant that take more than a line to make."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from models import Account, ChatRequest, TelegramLink
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
