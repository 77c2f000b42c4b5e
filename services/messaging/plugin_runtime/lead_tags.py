"""Tags that plugins put on the people of their bot."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models import Lead
from plugins.database import with_tag

Tagged = tuple[int, str]  # somebody's id at Telegram, tag


def tag_leads(
    session: Session, wanted: Iterable[tuple[int, int, str]], unwanted: Iterable[tuple[int, int, str]] = ()
) -> None:
    """Put tags on people in the caller's transaction, each (bot, Telegram id, tag), and take others off; strangers are passed over.

    Rows are locked in one order, so that nobody waits in a circle. StoreError when somebody has too many.
    """
    tags, gone = sorted(set(wanted)), sorted(set(unwanted))
    people = {(bot_id, telegram_id) for bot_id, telegram_id, _ in (*tags, *gone)}
    if not people:
        return
    query = select(Lead).where(tuple_(Lead.bot_id, Lead.telegram_id).in_(sorted(people)))
    rows = session.scalars(query.order_by(Lead.bot_id, Lead.telegram_id).with_for_update())
    found = {(row.bot_id, row.telegram_id): row for row in rows}
    for bot_id, telegram_id, tag in gone:
        lead = found.get((bot_id, telegram_id))
        if lead is not None and tag in lead.tags:
            lead.tags = [each for each in lead.tags if each != tag]
    for bot_id, telegram_id, tag in tags:
        lead = found.get((bot_id, telegram_id))
        if lead is not None and tag not in lead.tags:
            lead.tags = list(with_tag(lead.tags, tag))
