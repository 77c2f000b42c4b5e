"""Counted clicks over time: by minute from the rows, by hour from the rollups. The numbers agree: both come from
the flusher's one transaction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Integer, cast, extract, func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from models import Click, ClickRollup, RedirectPool
from services.core.times import hour_of

FALLBACK = 0  # stands for the fallback where a bot id is wanted, as in the rollups


class Span(StrEnum):
    """How much of the past a series shows, and how finely."""

    HOUR = "hour"  # the last 60 minutes, by minute
    DAY = "day"  # the last 24 hours, by hour


@dataclass(frozen=True)
class Series:
    """Counted clicks per bucket and bot. `times` are the buckets' beginnings in epoch seconds, oldest first."""

    times: list[int]
    by_bot: dict[int, list[int]]

    @property
    def total(self) -> list[int]:
        """Clicks per bucket, all bots and the fallback together."""
        return [sum(values) for values in zip(*self.by_bot.values(), strict=True)] or [0] * len(self.times)

    def as_json(self) -> dict[str, Any]:
        """For the panel's charts."""
        return {"times": self.times, "total": self.total, "by_bot": self.by_bot}


def account_series(session: Session, account_id: int, span: Span, now: datetime) -> Series:
    """The clicks of all pools of an account."""
    if span is Span.HOUR:
        return _by_minute(session, Click.account_id == account_id, now)
    pools = select(RedirectPool.id).where(RedirectPool.account_id == account_id)
    return _by_hour(session, ClickRollup.pool_id.in_(pools), now)


def pool_series(session: Session, pool_id: int, span: Span, now: datetime) -> Series:
    """The clicks of one pool."""
    if span is Span.HOUR:
        return _by_minute(session, Click.pool_id == pool_id, now)
    return _by_hour(session, ClickRollup.pool_id == pool_id, now)


def _by_minute(session: Session, which: ColumnElement[bool], now: datetime) -> Series:
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=59)
    minute = minute_of(session).label("minute")
    query = (
        select(minute, Click.bot_id, func.count())
        .where(which, Click.counted, Click.at >= first)
        .group_by(minute, Click.bot_id)
    )
    times = [int(first.timestamp()) + 60 * step for step in range(60)]
    rows = [(at * 60, bot or FALLBACK, clicks) for at, bot, clicks in session.execute(query)]
    return _filled(times, rows)


def _by_hour(session: Session, which: ColumnElement[bool], now: datetime) -> Series:
    first = hour_of(now) - timedelta(hours=23)
    query = (
        select(ClickRollup.hour, ClickRollup.bot_id, func.sum(ClickRollup.clicks))
        .where(which, ClickRollup.hour >= first)
        .group_by(ClickRollup.hour, ClickRollup.bot_id)
    )
    times = [int(first.timestamp()) + 3600 * step for step in range(24)]
    rows = [(int(hour.timestamp()), int(bot), int(clicks)) for hour, bot, clicks in session.execute(query)]
    return _filled(times, rows)


def minute_of(session: Session) -> ColumnElement[int]:
    """A click's minute since 1970. PostgreSQL's epoch has a fraction, which a cast would round up."""
    epoch: ColumnElement[Any] = extract("epoch", Click.at)
    if session.get_bind().dialect.name == "sqlite":
        return cast(epoch, Integer).op("/")(60)
    return cast(func.floor(epoch / 60), Integer)


def _filled(times: list[int], rows: list[tuple[int, int, int]]) -> Series:
    place = {time: index for index, time in enumerate(times)}
    by_bot: defaultdict[int, list[int]] = defaultdict(lambda: [0] * len(times))
    for at, bot, clicks in rows:
        if at in place:
            by_bot[bot][place[at]] += clicks
    return Series(times, dict(sorted(by_bot.items())))
