"""What everybody sees: the state of the chosen pools, their last ninety days, and what went wrong. No name, id or number
of a bot is in it: only what its owner wrote for it, and words of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import MemberStatus, Notification, PoolBot, PoolDay, RedirectPool, StatusPage
from services.alerts.notifications.kinds import Kind
from services.core.answer_types import Moment, one_of
from services.core.times import day_of, iso
from services.reporting.status_page.pool_days import DAY, SHOWN_DAYS

MOST_INCIDENTS = 20
REDUCED_BELOW_PERCENT = 50
INCIDENTS = (Kind.POOL_CRITICAL, Kind.POOL_RECOVERED, Kind.BAN_WAVE)


class PublicState(StrEnum):
    """A pool as strangers see it, the worst first. `paused` is the owner's wish, `unknown` that nobody has looked."""

    DOWN = "down"
    REDUCED = "reduced"
    UNKNOWN = "unknown"
    PAUSED = "paused"
    UP = "up"


class PublicPool(TypedDict):
    """A pool under its public label. `days` are the last ninety, today's last: percent of the time that anybody looked, null
    for a day on which nobody did; `watched_days` counts the others.
    """

    label: str
    state: Annotated[str, one_of(PublicState)]
    uptime_percent: float | None
    watched_days: int
    days: list[float | None]


class PublicIncident(TypedDict):
    """Something that went wrong: `kind` is down, reduced or losses. Without `ended_at` it lasts, unless `is_over`."""

    label: str
    kind: str
    began_at: Moment
    ended_at: Moment | None
    is_over: bool


class PublicPage(TypedDict):
    """The whole page."""

    title: str
    allows_search: bool
    state: Annotated[str, one_of(PublicState)]
    checked_at: Moment | None
    first_day: Moment
    pools: list[PublicPool]
    incidents: list[PublicIncident]


def read_page(session: Session, page: StatusPage, now: datetime) -> PublicPage:
    """The page as it is now: four queries beside that for `page`, however many pools."""
    labels = {place.pool_id: place.label for place in page.pools}
    first = day_of(now) - (SHOWN_DAYS - 1) * DAY
    states, checked = _states(session, labels)
    days = _days(session, labels, first)
    pools = [_pool(label, states[pool_id], days[pool_id]) for pool_id, label in labels.items()]
    ranks = list(PublicState)
    worst = min((states[pool_id] for pool_id in labels), key=ranks.index, default=PublicState.UNKNOWN)
    return {
        "title": page.title,
        "allows_search": page.allows_search,
        "state": worst,
        "checked_at": iso(checked),
        "first_day": iso(first),
        "pools": pools,
        "incidents": _incidents(session, labels, states, first) if page.shows_incidents else [],
    }


def state_of(is_active: bool, statuses: Sequence[str]) -> PublicState:
    """The public state of a pool by its members' states."""
    known = [status for status in statuses if status != MemberStatus.CHECKING]
    up = sum(status not in (MemberStatus.OFFLINE, MemberStatus.BANNED) for status in known)
    if not is_active:
        return PublicState.PAUSED
    if not known:
        return PublicState.UNKNOWN
    if not up:
        return PublicState.DOWN
    return PublicState.REDUCED if 100 * up < REDUCED_BELOW_PERCENT * len(known) else PublicState.UP


def _states(session: Session, labels: Mapping[int, str]) -> tuple[dict[int, PublicState], datetime | None]:
    rows = session.execute(
        select(RedirectPool.id, RedirectPool.is_active, PoolBot.status, PoolBot.last_health_check)
        .outerjoin(PoolBot, (PoolBot.pool_id == RedirectPool.id) & PoolBot.is_enabled)
        .where(RedirectPool.id.in_(labels))
    ).all()
    active = {pool_id: is_active for pool_id, is_active, _, _ in rows}
    statuses: dict[int, list[str]] = {pool_id: [] for pool_id in active}
    for pool_id, _, status, _ in rows:
        if status is not None:
            statuses[pool_id].append(status)
    checked = max((at for *_, at in rows if at is not None), default=None)
    return {pool_id: state_of(active[pool_id], statuses[pool_id]) for pool_id in active}, checked


def _days(session: Session, labels: Mapping[int, str], first: datetime) -> dict[int, list[tuple[int, int]]]:
    """(up, watched) seconds of each of the last days, by pool; (0, 0) where nothing is known."""
    found: dict[int, list[tuple[int, int]]] = {pool_id: [(0, 0)] * SHOWN_DAYS for pool_id in labels}
    query = select(PoolDay).where(PoolDay.pool_id.in_(labels), PoolDay.day >= first)
    for row in session.scalars(query):
        place = (row.day - first).days
        if place < SHOWN_DAYS:
            found[row.pool_id][place] = row.up_seconds, row.watched_seconds
    return found


def _pool(label: str, state: PublicState, days: Sequence[tuple[int, int]]) -> PublicPool:
    up, watched = (sum(part) for part in zip(*days, strict=True))
    return {
        "label": label,
        "state": state,
        "uptime_percent": _percent(up, watched),
        "watched_days": sum(bool(seen) for _, seen in days),
        "days": [_percent(*day) for day in days],
    }


def _percent(up: int, watched: int) -> float | None:
    """Rounded down: 99.999 % is not all of the time."""
    return int(10_000 * up / watched) / 100 if watched else None


def _incidents(
    session: Session, labels: Mapping[int, str], states: Mapping[int, PublicState], first: datetime
) -> list[PublicIncident]:
    """Troubles of the chosen pools, newest first: an alarm lasts until its recovery or, where none is told, the pool is well."""
    rows = session.execute(
        select(Notification.pool_id, Notification.kind, Notification.at, Notification.params)
        .where(Notification.pool_id.in_(labels), Notification.kind.in_(INCIDENTS), Notification.at >= first)
        .order_by(Notification.id)
    ).all()
    found: list[PublicIncident] = []
    open_ones: dict[int, list[PublicIncident]] = {}
    for pool_id, kind, at, params in rows:
        standing = open_ones.setdefault(pool_id, [])
        if kind == Kind.POOL_RECOVERED:
            for one in standing:
                one["ended_at"], one["is_over"] = iso(at), True
            standing.clear()
            continue
        found.append(_incident(labels[pool_id], kind, at, int(params.get("online", 0))))
        standing.append(found[-1])
    for pool_id, standing in open_ones.items():
        for one in standing:
            one["is_over"] = states[pool_id] == PublicState.UP
    return found[: -MOST_INCIDENTS - 1 : -1]


def _incident(label: str, kind: str, at: datetime, online: int) -> PublicIncident:
    said = "losses" if kind == Kind.BAN_WAVE else "reduced" if online else "down"
    return {"label": label, "kind": said, "began_at": iso(at), "ended_at": None, "is_over": False}
