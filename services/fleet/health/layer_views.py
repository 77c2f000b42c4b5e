"""What a pool's status shows of its members' layers, in two queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from models import Click, Conversion, PoolBot
from services.fleet.health.conversion import LONGEST_LAG
from services.fleet.health.layers import LayersView, describe_layers

HOUR = timedelta(hours=1)


def layers_of(session: Session, members: Sequence[PoolBot], now: datetime) -> dict[int, LayersView]:
    """The three layers of each member of one pool by member id, conversion with its last matured hour."""
    rows = select(Conversion).where(Conversion.pool_bot_id.in_([member.id for member in members]))
    known = {row.pool_bot_id: row for row in session.scalars(rows)}
    recent = _last_hour(session, members, known, now)
    return {
        member.id: describe_layers(member, member.bot, known.get(member.id), recent) for member in members
    }


def _last_hour(
    session: Session, members: Sequence[PoolBot], known: dict[int, Conversion], now: datetime
) -> dict[int, tuple[int, int]]:
    """Bot id -> matured clicks and their starts, in the hour that ended one lag ago."""
    if not members:
        return {}
    of_member = []
    for member in members:
        row = known.get(member.id)
        until = now - timedelta(seconds=row.lag_seconds if row else LONGEST_LAG)
        of_member.append(and_(Click.bot_id == member.bot_id, Click.at > until - HOUR, Click.at <= until))
    started = func.sum(case((Click.started_at.is_not(None), 1), else_=0))
    query = (
        select(Click.bot_id, func.count(), started)
        .where(
            Click.pool_id == members[0].pool_id,
            Click.at > now - HOUR - timedelta(seconds=LONGEST_LAG),
            Click.counted,
            or_(*of_member),
        )
        .group_by(Click.bot_id)
    )
    return {bot_id: (int(clicks), int(starts)) for bot_id, clicks, starts in session.execute(query)}
