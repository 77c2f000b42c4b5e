"""How long settled dead letters are kept. Those that wait for a decision are kept until there is one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Delete, delete, select

from models import DeadLetter, DeadLetterState

BATCH: Final = 1000


def settled_before(moment: datetime) -> Delete:
    """Deletes the oldest thousand letters that were replayed or discarded before `moment`."""
    old = select(DeadLetter.id).where(
        DeadLetter.state == DeadLetterState.RESOLVED, DeadLetter.resolved_at < moment
    )
    return delete(DeadLetter).where(DeadLetter.id.in_(old.order_by(DeadLetter.id).limit(BATCH)))
