"""Uptime of members, computed from their transitions (H5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import MemberStatus, PoolBot, PoolBotTransition

WINDOW: Final = timedelta(days=7)
UP: Final = frozenset({MemberStatus.ONLINE, MemberStatus.DEGRADED, MemberStatus.SUSPECT})  # may get clicks
Move = tuple[datetime, str, str]  # when, from, to


def uptime_percent(moves: Sequence[Move], status: str, begin: datetime, now: datetime) -> float | None:
    """The share of time from `begin` to `now` in which the member could get clicks, in percent with one decimal.

    `moves` are its transitions since `begin`, oldest first; `status` is the present one. Time in `checking`, when
    nothing was promised yet, does not count; None when there is no other.
    """
    up = watched = timedelta(0)
    since, state = begin, moves[0][1] if moves else status
    for at, _, to in [*moves, (now, "", "")]:
        span = max(timedelta(0), at - since)
        if state != MemberStatus.CHECKING:
            watched += span
            up += span if state in UP else timedelta(0)
        since, state = at, to
    return round(100 * (up / watched), 1) if watched else None


def uptimes(session: Session, members: Iterable[PoolBot], now: datetime) -> dict[int, float | None]:
    """Uptime of the last seven days by member id, in one query."""
    known = list(members)
    moves = _moves(session, [member.id for member in known], now - WINDOW)
    return {
        member.id: uptime_percent(
            moves.get(member.id, []), member.status, max(member.added_at, now - WINDOW), now
        )
        for member in known
    }


def _moves(session: Session, member_ids: Collection[int], since: datetime) -> dict[int, list[Move]]:
    found: dict[int, list[Move]] = {}
    query = (
        select(PoolBotTransition)
        .where(PoolBotTransition.pool_bot_id.in_(member_ids), PoolBotTransition.at >= since)
        .order_by(PoolBotTransition.at, PoolBotTransition.id)
    )
    for row in session.scalars(query):
        found.setdefault(row.pool_bot_id, []).append((row.at, row.from_status, row.to_status))
    return found
