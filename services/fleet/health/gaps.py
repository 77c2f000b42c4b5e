"""When nobody looked at a member: such time is unknown, and unknown time is no uptime."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from models import CheckGap, PoolBot
from services.core.settings import Settings

MISSED_SWEEPS: Final = 3
LEAST: Final = timedelta(
    seconds=30
)  # a sweep may wait ten seconds for its re-checks: short intervals are no alarm


def longest_silence(settings: Settings) -> timedelta:
    """The time without a sweep from which one counts as missing."""
    return max(LEAST, MISSED_SWEEPS * timedelta(seconds=settings.health_interval_seconds))


def silent_since(member: PoolBot, now: datetime, silence: timedelta) -> datetime | None:
    """The last check of a member whose next one is late by more than `silence`; holds and slow probing are not late."""
    last = member.last_health_check
    if last is None:
        return None
    due = max(last, member.next_check_at or last)
    return last if now - due > silence else None


def note_gap(session: Session, member: PoolBot, now: datetime, silence: timedelta) -> None:
    """Keep the time that was silent before this check."""
    since = silent_since(member, now, silence)
    if since is not None:
        session.add(CheckGap(pool_bot_id=member.id, began_at=since, ended_at=now))
