"""Tags that plugins put on the people of their bot, and take off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Lead
from plugins.database import with_tag
from services.platform.database import among

Tagged = tuple[int, str]  # somebody's id at Telegram, tag
Person = tuple[int, int]  # a bot, somebody's id at Telegram
People = Mapping[Person, Lead]


def change_tags(
    session: Session, changes: Iterable[tuple[int, int, str, bool]], people: People | None = None
) -> None:
    """Put tags on people (True) or take them off, one after the other, in the caller's transaction; strangers are passed over.

    Each change is (bot, Telegram id, tag, whether it is put on). `people` are their locked rows, where the caller has them.
    StoreError when somebody has too many.
    """
    wanted = list(changes)
    found = (
        lock_people(session, {(bot_id, person) for bot_id, person, _, _ in wanted})
        if people is None
        else people
    )
    for bot_id, telegram_id, tag, is_on in wanted:
        lead = found.get((bot_id, telegram_id))
        if lead is None or (tag in lead.tags) is is_on:
            continue
        lead.tags = list(with_tag(lead.tags, tag)) if is_on else [one for one in lead.tags if one != tag]


def lock_people(session: Session, wanted: Iterable[Person]) -> People:
    """The rows of these people, as far as there are any, locked in one order, so that nobody waits in a circle."""
    people = sorted(set(wanted))
    if not people:
        return {}
    query = select(Lead).where(among(session, (Lead.bot_id, Lead.telegram_id), people))
    query = query.order_by(Lead.bot_id, Lead.telegram_id).with_for_update()
    return {(row.bot_id, row.telegram_id): row for row in session.scalars(query)}
