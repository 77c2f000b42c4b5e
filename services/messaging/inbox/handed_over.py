"""People whom a flow hands over: they wait in the inbox, also where the bot keeps no messages."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Conversation
from services.core.times import utc_now
from services.messaging.inbox.incoming import note_waiting
from services.platform.database import among

PersonOfBot = tuple[int, int]  # bot, Telegram id


def lock_conversations(session: Session, people: Collection[PersonOfBot]) -> None:
    """Hold the conversations of these people that are there until the transaction ends; always in one order."""
    if not people:
        return
    query = select(Conversation.id).where(
        among(session, (Conversation.bot_id, Conversation.telegram_id), people)
    )
    ordered = query.order_by(Conversation.bot_id, Conversation.telegram_id)
    session.execute(ordered.with_for_update()).all()


def note_handed_over(session: Session, people: Collection[PersonOfBot]) -> None:
    """Have these people wait for an answer by people, since now unless they did before; in the caller's transaction."""
    if not people:
        return
    now, bots = utc_now(), {bot_id for bot_id, _ in people}
    owners = dict(session.execute(select(Bot.id, Bot.account_id).where(Bot.id.in_(bots))).all())
    rows = [
        {
            "account_id": owners[bot_id],
            "bot_id": bot_id,
            "telegram_id": telegram_id,
            "unanswered_since": now,
            "last_message_at": now,
            "revision": 1,
            "answered_by": "",
            "assigned_to": "",
        }
        for bot_id, telegram_id in sorted(people)
        if bot_id in owners
    ]
    if rows:
        note_waiting(session, rows)
