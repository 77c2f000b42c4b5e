"""Counting clicks from rows, for status and analytics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Click
from services.core.times import utc_now

HOUR = timedelta(hours=1)


def redirects_hour(session: Session, pool_id: int, *, now: datetime | None = None) -> dict[int, int]:
    """Counted clicks of the last 60 minutes of a pool by bot id; 0 stands for fallback and nobody."""
    return redirects_hour_of(session, [pool_id], now=now).get(pool_id, {})


def redirects_hour_of(
    session: Session, pool_ids: Iterable[int], *, now: datetime | None = None
) -> dict[int, dict[int, int]]:
    """As `redirects_hour` for many pools in one query: pool id -> bot id -> clicks."""
    query = (
        select(Click.pool_id, Click.bot_id, func.count())
        .where(Click.pool_id.in_(list(pool_ids)), Click.at > (now or utc_now()) - HOUR, Click.counted)
        .group_by(Click.pool_id, Click.bot_id)
    )
    found: dict[int, dict[int, int]] = {}
    for pool_id, bot_id, count in session.execute(query):
        found.setdefault(pool_id, {})[bot_id or 0] = count
    return found
