"""What is usual for each member: hours of matured clicks, written once, and the seven days they add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Integer, Select, case, cast, delete, extract, func, or_, select
from sqlalchemy.orm import Session

from models import Bot, Click, Conversion, ConversionHour, PoolBot, RedirectPool
from services.core.times import from_epoch, hour_of
from services.fleet.health.conversion import (
    LAG_STEP,
    LAG_STEPS,
    LONGEST_LAG,
    Hour,
    Judgement,
    Usual,
    probe_share_of,
    usual_of,
)
from services.fleet.pools.click_counts import redirects_hour_of
from services.platform.database import insert_of
from services.platform.platform import Platform
from services.platform.redis import keys

WEEK: Final = timedelta(days=7)
HOUR: Final = timedelta(hours=1)
MATURED: Final = timedelta(seconds=LONGEST_LAG)
HOURS_AT_ONCE: Final = 12  # so a week is made up for within a few minutes, and no look takes long
MEMBERS_AT_ONCE: Final = 100
NOT_STARTED: Final = -1


def learn(platform: Platform, now: datetime) -> bool:
    """Write the hours that have matured by `now` and, if there were any, what is usual; True when there were.

    Safe to repeat. Raises RedisError or Unavailable.
    """
    hours = _hours_due(platform, now)
    for hour in hours:
        with platform.database.transaction() as session:
            _write_hour(session, hour)
        platform.redis.set(keys.conversion_hours(), int(hour.timestamp()))
    if hours:
        _learn_usual(platform, now)
    return bool(hours)


def _hours_due(platform: Platform, now: datetime) -> list[datetime]:
    last = hour_of(now - MATURED) - HOUR
    known = platform.redis.get(keys.conversion_hours())
    begun = hour_of(now - WEEK)
    hour = max(begun, from_epoch(int(known)) + HOUR) if known else begun
    found: list[datetime] = []
    while hour <= last and len(found) < HOURS_AT_ONCE:
        found.append(hour)
        hour += HOUR
    return found


def _write_hour(session: Session, hour: datetime) -> None:
    lags: dict[int, dict[int, int]] = {}
    for member_id, step, count in session.execute(_counts(session, hour)):
        lags.setdefault(member_id, {})[step] = count
    rows = [_row(member_id, hour, counts) for member_id, counts in sorted(lags.items())]
    if rows:
        statement = insert_of(session, ConversionHour)
        fresh = {name: statement.excluded[name] for name in ("clicks", "starts", "lags")}
        session.execute(
            statement.on_conflict_do_update(index_elements=["pool_bot_id", "hour"], set_=fresh), rows
        )
    session.execute(delete(ConversionHour).where(ConversionHour.hour < hour - WEEK))


def _counts(session: Session, hour: datetime) -> Any:
    """Member id, lag step (or NOT_STARTED), number of clicks. Pools without tracking cannot know their starts."""
    step = func.coalesce(_lag_step(session), NOT_STARTED)
    return (
        select(PoolBot.id, step, func.count())
        .join(RedirectPool, RedirectPool.id == PoolBot.pool_id)
        .join(Bot, Bot.id == PoolBot.bot_id)
        .join(Click, (Click.pool_id == PoolBot.pool_id) & (Click.bot_id == PoolBot.bot_id))
        .where(
            RedirectPool.tracking,
            Click.counted,
            Click.at >= hour,
            Click.at < hour + HOUR,
            or_(Bot.identity_since.is_(None), Click.at >= Bot.identity_since),
        )
        .group_by(PoolBot.id, step)
    )


def _lag_step(session: Session) -> ColumnElement[int]:
    seconds: ColumnElement[float]
    if session.get_bind().dialect.name == "sqlite":
        seconds = (func.julianday(Click.started_at) - func.julianday(Click.at)) * 86400.0
        whole = cast(seconds / LAG_STEP, Integer)
    else:
        seconds = cast(extract("epoch", Click.started_at - Click.at), Float)
        whole = cast(func.floor(seconds / LAG_STEP), Integer)
    return case((seconds >= LONGEST_LAG, LAG_STEPS - 1), (seconds < LAG_STEP, 0), else_=whole)


def _row(member_id: int, hour: datetime, counts: Mapping[int, int]) -> dict[str, Any]:
    lags = [counts.get(step, 0) for step in range(LAG_STEPS)]
    return {
        "pool_bot_id": member_id,
        "hour": hour,
        "clicks": sum(counts.values()),
        "starts": sum(lags),
        "lags": lags,
    }


def _learn_usual(platform: Platform, now: datetime) -> None:
    """Bring seven days to each member's row, in portions; one under a verdict keeps what was usual before it."""
    with platform.database.reading() as session:
        member_ids = session.scalars(select(Conversion.pool_bot_id).order_by(Conversion.pool_bot_id)).all()
    for begin in range(0, len(member_ids), MEMBERS_AT_ONCE):
        with platform.database.transaction() as session:
            _learn_portion(session, member_ids[begin : begin + MEMBERS_AT_ONCE], now)


def _learn_portion(session: Session, member_ids: Sequence[int], now: datetime) -> None:
    rows = session.scalars(_locked(member_ids)).all()
    hours: dict[int, list[Hour]] = {}
    query = (
        select(ConversionHour, Bot.identity_since)
        .join(PoolBot, PoolBot.id == ConversionHour.pool_bot_id)
        .join(Bot, Bot.id == PoolBot.bot_id)
        .where(ConversionHour.pool_bot_id.in_(member_ids), ConversionHour.hour >= now - WEEK)
    )
    for row, since in session.execute(query):
        if since is None or row.hour + HOUR > since:  # else of a former identity
            hours.setdefault(row.pool_bot_id, []).append(Hour(row.clicks, row.starts, row.lags))
    for known in rows:
        if known.verdict == Judgement.NONE:
            _keep(known, usual_of(hours.get(known.pool_bot_id, [])), now)


def judge_anew(session: Session, bot_id: int) -> None:
    """Another Telegram bot has the bot's row now: forget evidence, verdicts and what was usual of its members.

    The next look begins to judge them. To be called behind the pools' locks and before those of members and bot.
    """
    member_ids = session.scalars(select(PoolBot.id).where(PoolBot.bot_id == bot_id)).all()
    session.scalars(_locked(member_ids)).all()
    session.execute(delete(Conversion).where(Conversion.pool_bot_id.in_(member_ids)))


def _locked(member_ids: Sequence[int]) -> Select[Conversion]:
    query = select(Conversion).where(Conversion.pool_bot_id.in_(member_ids))
    return query.order_by(Conversion.pool_bot_id).with_for_update()


def _keep(known: Conversion, usual: Usual, now: datetime) -> None:
    known.clicks, known.starts = usual.clicks, usual.starts
    known.busiest_hour, known.lag_seconds = usual.busiest_hour, usual.lag_seconds
    known.learned_at = now


def probe_shares(
    session: Session, pools: Mapping[int, Sequence[Conversion]], now: datetime
) -> dict[int, float]:
    """By member id, the part of its traffic that it would keep as a suspect.

    `pools` holds the rows of each pool's members in service; a member's full traffic is taken to be
    its usual share of what the pool got in the last hour.
    """
    last_hour = redirects_hour_of(session, pools, now=now)
    found: dict[int, float] = {}
    for pool_id, rows in pools.items():
        total, usual = sum(last_hour.get(pool_id, {}).values()), sum(row.clicks for row in rows)
        for row in rows:
            found[row.pool_bot_id] = round(probe_share_of(total * row.clicks / usual if usual else 0.0), 4)
    return found
