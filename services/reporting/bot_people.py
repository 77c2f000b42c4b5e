"""The people whom a bot knows, the latest first, found by name or Telegram id, a page at a time."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select

from models import Bot, Lead
from services.core.times import iso
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.traffic.audience.selecting import says
from services.traffic.clicks.leads import present_state

PAGE: Final = 25


def people_page(
    platform: Platform, caller: Principal, bot_id: int | str, words: str = "", page: int = 1
) -> dict[str, Any]:
    """A page of those whom the caller's bot knows, and whether there are more; NotFound for somebody else's bot.

    Every one of `words` has to stand in a name, or to be the Telegram id.
    """
    with looking(platform, caller) as session:
        bot = get_owned(session, caller, Bot, bot_id)
        latest = (
            select(Lead)
            .where(Lead.bot_id == bot.id, *(says(word) for word in words.split()))
            .order_by(Lead.last_interaction.desc(), Lead.id.desc())
        )
        found = session.scalars(latest.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    return {
        "people": [_person(lead, bot.identity) for lead in found[:PAGE]],
        "page": page,
        "more": len(found) > PAGE,
    }


def _person(lead: Lead, identity: int) -> dict[str, Any]:
    return {
        "telegram_id": lead.telegram_id,
        "name": f"{lead.first_name} {lead.last_name}".strip(),
        "username": lead.username,
        "state": present_state(lead, identity),
        "last_interaction": iso(lead.last_interaction),
    }
