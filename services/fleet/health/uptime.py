"""Uptime of members, computed from their transitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import CheckGap, MemberStatus, PoolBot, PoolBotTransition
from services.fleet.health.gaps import silent_since

UP: Final = frozenset({MemberStatus.ONLINE, MemberStatus.DEGRADED, MemberStatus.SUSPECT})  # may get clicks
NOTHING: Final = timedelta(0)
Move = tuple[datetime, str, str]  # when, from, to


@dataclass(frozen=True)
class Window:
    """A stretch of time, its end excluded."""

    begin: datetime
    end: datetime

    def overlap(self, begin: datetime, end: datetime) -> timedelta:
        """How much of it lies between the two."""
        return max(NOTHING, min(self.end, end) - max(self.begin, begin))


def uptime_percent(
    moves: Sequence[Move], status: str, window: Window, gaps: Iterable[Window] = ()
) -> float | None:
    """The share of the window in which the member could get clicks, in percent with one decimal.

    `moves` are its transitions since the window's begin, oldest first; `status` is the present one; `gaps` is time in
    which nobody looked. That time, and time in `checking`, when nothing was promised yet, does not count; None when
    there is no other.
    """
    unseen = list(gaps)
    up = watched = NOTHING
    since, state = window.begin, moves[0][1] if moves else status
    for at, _, to in [*moves, (window.end, "", "")]:
        if state != MemberStatus.CHECKING:
            span = window.overlap(since, at) - sum(
                (_within(gap, window, since, at) for gap in unseen), NOTHING
            )
            watched += span
            up += span if state in UP else NOTHING
        since, state = at, to
    return round(100 * (up / watched), 1) if watched else None


def uptimes(
    session: Session, members: Iterable[PoolBot], window: Window, now: datetime, silence: timedelta
) -> dict[int, float | None]:
    """Uptime within the window, as far as it has passed, by member id, in two queries.

    `silence` is the longest time that may pass without a check (`longest_silence`).
    """
    known = list(members)
    ids = [member.id for member in known]
    moves = moves_since(session, ids, window.begin)
    gaps = gaps_within(session, ids, window)
    found = {}
    for member in known:
        since = silent_since(member, now, silence)
        unseen = [*gaps[member.id], *([Window(since, now)] if since else [])]
        own = Window(max(member.added_at, window.begin), min(now, window.end))
        found[member.id] = uptime_percent(moves[member.id], member.status, own, unseen)
    return found


def _within(gap: Window, window: Window, begin: datetime, end: datetime) -> timedelta:
    return gap.overlap(max(begin, window.begin), min(end, window.end))


def moves_since(session: Session, member_ids: Collection[int], since: datetime) -> dict[int, list[Move]]:
    """Transitions up to the present: the first one after a window says which state it ended in."""
    row = PoolBotTransition
    query = (
        select(row.pool_bot_id, row.at, row.from_status, row.to_status)
        .where(row.pool_bot_id.in_(member_ids), row.at >= since)
        .order_by(row.at, row.id)
    )
    found: defaultdict[int, list[Move]] = defaultdict(list)
    for member_id, at, before, after in session.execute(query):
        found[member_id].append((at, before, after))
    return found


def gaps_within(session: Session, member_ids: Collection[int], window: Window) -> dict[int, list[Window]]:
    """Time in which nobody looked at the members, by their id."""
    query = select(CheckGap.pool_bot_id, CheckGap.began_at, CheckGap.ended_at).where(
        CheckGap.pool_bot_id.in_(member_ids),
        CheckGap.ended_at > window.begin,
        CheckGap.began_at < window.end,
    )
    found: defaultdict[int, list[Window]] = defaultdict(list)
    for member_id, begin, end in session.execute(query):
        found[member_id].append(Window(begin, end))
    return found
