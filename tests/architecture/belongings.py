"""Things of a tenant that take more than a line to make."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from models import Account, Bot, ChatRequest, Conversation, PeopleChange, Segment, TelegramLink
from services.core.i18n import Text
from services.core.times import utc_now


def of_people(session: Session, account: Account, bot: Bot) -> dict[str, tuple[str, ...]]:
    """A saved segment, a change of many people and a conversation; their ids by the name of the URL variable."""
    segment = Segment(account_id=account.id, name="Everybody")
    change = PeopleChange(account_id=account.id, actor="x", action="tag", tag="x", total=0, last_lead_id=0)
    talk = Conversation(account_id=account.id, bot_id=bot.id, telegram_id=7, last_message_at=utc_now())
    session.add_all([segment, change, talk])
    session.flush()
    found = {"segment_id": segment.id, "change_id": change.id, "conversation_id": talk.id}
    return {name: (str(number),) for name, number in found.items()}


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
