"""Uptime of pools by day, counted every quarter of an hour into rows: what members leave behind goes with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models import PoolBot, PoolDay, RedirectPool
from services.core.times import day_of, utc_now
from services.fleet.health.gaps import longest_silence
from services.fleet.health.pool_uptime import pool_spans, seconds_within
from services.fleet.health.uptime import Window
from services.platform.platform import Platform

SHOWN_DAYS: Final = 90
KEPT_DAYS: Final = 100
DAY: Final = timedelta(days=1)


def count_pool_days(platform: Platform, *, now: datetime | None = None) -> int:
    """Count every pool's time up to `now`, each in a transaction of its own; how many pools. Raises Unavailable.

    Of a pool that was never counted the last SHOWN_DAYS are, as far as its present members remember them.
    """
    moment = (now or utc_now()).replace(microsecond=0)
    with platform.database.reading() as session:
        last = func.max(PoolDay.counted_until)
        waiting = select(RedirectPool.id).outerjoin(PoolDay, PoolDay.pool_id == RedirectPool.id)
        # The longest uncounted first: a run that is cut off leaves to the next what it did not reach.
        ids = session.scalars(
            waiting.group_by(RedirectPool.id).order_by(last.nulls_first(), RedirectPool.id)
        ).all()
    silence = longest_silence(platform.settings)
    for pool_id in ids:
        with platform.database.transaction() as session:
            # Locked: of two jobs at once the second finds all counted. SQLite has one writer anyway.
            pool = session.get(RedirectPool, pool_id, with_for_update={"key_share": True})
            if pool is not None:
                _count(session, pool, moment, silence)
    return len(ids)


def _count(session: Session, pool: RedirectPool, now: datetime, silence: timedelta) -> None:
    rows = {
        row.day: row
        for row in session.scalars(
            select(PoolDay).where(PoolDay.pool_id == pool.id).order_by(PoolDay.day.desc()).limit(1)
        )
    }
    first = max(pool.created_at, day_of(now) - (SHOWN_DAYS - 1) * DAY).replace(microsecond=0)
    begin = max((row.counted_until for row in rows.values()), default=first)
    if begin >= now:
        return
    members = session.scalars(select(PoolBot).where(PoolBot.pool_id == pool.id)).all()
    up, watched = pool_spans(session, members, Window(begin, now), now, silence)
    for piece in _by_day(Window(begin, now)):
        day = day_of(piece.begin)
        row = rows.get(day)
        if row is None:
            row = PoolDay(pool_id=pool.id, day=day, up_seconds=0, watched_seconds=0)
            session.add(row)
        row.up_seconds += seconds_within(up, piece)
        row.watched_seconds += seconds_within(watched, piece)
        row.counted_until = piece.end
    old = day_of(now) - KEPT_DAYS * DAY
    session.execute(delete(PoolDay).where(PoolDay.pool_id == pool.id, PoolDay.day < old))


def _by_day(window: Window) -> Iterator[Window]:
    """The window cut at midnight, UTC."""
    begin = window.begin
    while begin < window.end:
        end = min(day_of(begin) + DAY, window.end)
        yield Window(begin, end)
        begin = end
