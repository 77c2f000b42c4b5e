"""One person as each bot of an account knows them."""

from __future__ import annotations

from sqlalchemy import select
from typing_extensions import TypedDict

from models import Bot, Conversation, Lead
from services.core.errors import NotFound
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.people.listing import PersonRow, blocked_of, row_of, touches_of


class AcquaintanceView(PersonRow):
    """Somebody as one bot knows them; `conversation_id` is that in the inbox, null for none."""

    conversation_id: int | None


class KnownPerson(TypedDict):
    """Somebody, by the name that they last used; each bot that knows them, the latest met first."""

    telegram_id: int
    name: str
    username: str
    bots: list[AcquaintanceView]


def known_person(platform: Platform, caller: Principal, telegram_id: int) -> KnownPerson:
    """Somebody whom the caller's bots know; NotFound for a stranger."""
    known = select(Lead, Bot).join(Bot, Bot.id == Lead.bot_id)
    mine = known.where(Lead.account_id == caller.account_id, Lead.telegram_id == telegram_id)
    with platform.database.reading() as session:
        found = session.execute(mine.order_by(Lead.last_interaction.desc(), Lead.id)).all()
        bots = [row[1].id for row in found]
        touches = touches_of(session, [row[0] for row in found])
        talks = dict(
            session.execute(
                select(Conversation.bot_id, Conversation.id).where(
                    Conversation.bot_id.in_(bots), Conversation.telegram_id == telegram_id
                )
            ).all()
        )
        blocked = blocked_of(session, [row[0] for row in found])
    if not found:
        raise NotFound("None of your bots knows this person", code="person_not_found")
    rows: list[AcquaintanceView] = [
        {
            **row_of(lead, bot, touches, blocked),
            "conversation_id": talks.get(bot.id),
        }
        for lead, bot in found
    ]
    return {
        "telegram_id": telegram_id,
        "name": rows[0]["name"],
        "username": rows[0]["username"],
        "bots": rows,
    }
