"""Deleting a ledger bit by bit, so that SQLite's other writers get their turn, and the broadcast itself last."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select

from models import Broadcast, BroadcastRecipient
from services.platform.platform import Platform

BATCH: Final = 5000  # rows of one transaction
PAUSE_SECONDS: Final = 0.01


def delete_ledger(platform: Platform, broadcast_id: int) -> int:
    """Delete all rows of a broadcast that is over; how many."""
    row, deleted = BroadcastRecipient, 0
    while True:
        batch = (
            select(row.telegram_id)
            .where(row.broadcast_id == broadcast_id)
            .order_by(row.telegram_id)
            .limit(BATCH)
        )
        with platform.database.transaction() as session:
            people = session.scalars(batch).all()
            if people:
                found = delete(row).where(row.broadcast_id == broadcast_id, row.telegram_id <= people[-1])
                session.execute(found.execution_options(synchronize_session=False))
        deleted += len(people)
        if len(people) < BATCH:
            return deleted
        time.sleep(PAUSE_SECONDS)


def delete_before(platform: Platform, before: datetime, deadline: float) -> int:
    """Delete broadcasts that ended before a moment, with their ledgers, until `deadline` of the monotonic clock; how many."""
    with platform.database.reading() as session:
        old = session.scalars(
            select(Broadcast.id).where(Broadcast.ended_at < before).order_by(Broadcast.id)
        ).all()
    deleted = 0
    for broadcast_id in old:
        if time.monotonic() >= deadline:
            break
        delete_ledger(platform, broadcast_id)
        with platform.database.transaction() as session:
            gone: Any = session.execute(delete(Broadcast).where(Broadcast.id == broadcast_id))
        deleted += gone.rowcount
    return deleted
