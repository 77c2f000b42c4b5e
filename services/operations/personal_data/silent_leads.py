"""Erasing people from bots that they have not turned to for long (LEADS_RETENTION_DAYS)."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from sqlalchemy import select

from models import Lead
from services.operations.personal_data.erasing import erase_rows, hold_bots
from services.operations.personal_data.traces import Person, find_traces
from services.platform.platform import Platform

BATCH: Final = 50  # people of one transaction
PAUSE_SECONDS: Final = 0.02  # between batches, so that other writers of SQLite get their turn


def erase_silent_leads(platform: Platform, before: datetime, deadline: float) -> int:
    """Erase those whose last turn to a bot was before `before` from that bot alone, until `deadline` (monotonic); how many.

    Redis keeps nothing of them any more: its conversations end after CONVERSATION_TTL_SECONDS.
    """
    silent = (
        select(Lead.account_id, Lead.telegram_id, Lead.bot_id)
        .where(Lead.last_interaction < before)
        .order_by(Lead.id)
    )
    erased = 0
    while time.monotonic() < deadline:
        with platform.database.transaction() as session:
            found = session.execute(silent.limit(BATCH)).all()
            hold_bots(session, [bot_id for _, _, bot_id in found])
            for account_id, telegram_id, bot_id in found:
                erase_rows(session, find_traces(session, Person(account_id, telegram_id, (bot_id,))))
        erased += len(found)
        if len(found) < BATCH:
            break
        time.sleep(PAUSE_SECONDS)
    return erased
