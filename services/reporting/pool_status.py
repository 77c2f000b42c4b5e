"""A pool as it stands: its health, its traffic of the last hour, and each member with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import MemberStatus, PoolBot, RedirectPool, Strategy
from services.core.answer_types import Moment, one_of
from services.core.times import iso, utc_now
from services.fleet.health.gaps import longest_silence
from services.fleet.health.layer_views import layers_of
from services.fleet.health.layers import LayersView
from services.fleet.health.members import FailureView
from services.fleet.health.pool_health import health_of
from services.fleet.health.sweep import last_sweep_age
from services.fleet.health.uptime import Window, uptimes
from services.fleet.pools.choose import SLOW_START_FLOOR, prepare
from services.fleet.pools.click_counts import redirects_hour
from services.fleet.pools.snapshot import read_pools
from services.fleet.pools.strategies import turn
from services.fleet.pools.switches import State, switched_state, switches_of
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.platform.redis import keys
from services.reporting.analytics.figures import capacity_of, percentage
from services.reporting.analytics.period import period
from services.traffic.clicks.refused import refused_since

TURNS_AHEAD = 1000  # weights reach 100: so far a member's next turn is looked for


@dataclass(frozen=True)
class MemberStatusView:
    """One member. `state` is its status, or "disabled" or "draining" where a switch says so. `share` and `uptime_percent` are percentages, `check_ms` the last check's duration.

    `rotation_position` is the number of turns until this member's next one, 1 being the next click; None when the
    strategy has no shared rotation or the member has no turn. `layers` are identity, delivery and conversion;
    `promoted_at` marks a spare that a ban wave raised.
    """

    bot_id: int
    public_id: str
    username: str
    name: str
    status: Annotated[str, one_of(MemberStatus)]
    state: Annotated[str, one_of(State)]
    cause: str
    weight: int
    priority: int
    is_enabled: bool
    draining: bool
    capacity_per_hour: int
    redirects: int
    redirects_hour: int
    share: float
    check_ms: int | None
    last_health_check: Moment | None
    uptime_percent: float | None
    last_failures: list[FailureView]
    circuit_breaker_until: Moment | None
    consecutive_failures: int
    good_checks: int
    slow_start_percent: int
    rotation_position: int | None
    promoted_at: Moment | None
    layers: LayersView


@dataclass(frozen=True)
class PoolStatus:
    """The pool by A4's formulas. `total_bots` counts enabled, undrained members; `members` holds all of them.

    `refused_day` are clicks turned away over the limit in the last 24 hours and what has passed of the first one.
    Their uptime is that of the time from `uptime_from` to `uptime_to`; all else is of now and of the last hour.
    """

    pool_id: int
    name: str
    slug: str
    strategy: Annotated[str, one_of(Strategy)]
    is_active: bool
    health: int
    online_bots: int
    total_bots: int
    total_redirects: int
    redirects_hour: int
    answered_hour: int
    refused_day: int
    success_rate: float | None
    capacity_used: str
    capacity_available: str
    capacity_online: int
    capacity_total: int
    last_sweep_age_seconds: float | None
    wave_at: Moment | None
    conversion_alarm_at: Moment | None
    uptime_from: Moment
    uptime_to: Moment
    members: list[MemberStatusView] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The answer of `GET …/status`."""
        return asdict(self)


def pool_status(
    platform: Platform,
    caller: Principal,
    pool_id: int | str,
    window: Window | None = None,
    *,
    now: datetime | None = None,
) -> PoolStatus:
    """The status of one of the caller's pools; NotFound for another's. Without Redis, its figures are None.

    Uptime is of `window`, of the analytics' usual seven days without one.
    """
    now = now or utc_now()
    window = window or _usual(now)
    # An admin's look at somebody else's leaves an audit entry; nobody else needs the write lock.
    with looking(platform, caller) as session:
        pool_key = get_owned(session, caller, RedirectPool, pool_id).id
        pool = (
            session.scalars(
                select(RedirectPool)
                .where(RedirectPool.id == pool_key)
                .options(joinedload(RedirectPool.members).joinedload(PoolBot.bot))
            )
            .unique()
            .one()
        )
        hour = redirects_hour(session, pool.id, now=now)
        refused = refused_since(session, pool.id, now - timedelta(days=1))
        uptime = uptimes(session, pool.members, window, now, longest_silence(platform.settings))
        layers = layers_of(session, pool.members, now)
    turns, age = _from_redis(platform, pool.id, now)
    members = [
        _member(platform, member, hour, uptime[member.id], turns.get(member.bot_id), layers[member.id], now)
        for member in pool.members
    ]
    return _status(pool, members, hour, refused, age, Window(window.begin, min(now, window.end)))


def _usual(now: datetime) -> Window:
    week = period("", "", "", now)
    return Window(week.begin, week.end)


def _status(
    pool: RedirectPool,
    members: list[MemberStatusView],
    hour: Mapping[int, int],
    refused: int,
    age: float | None,
    uptime_of: Window,
) -> PoolStatus:
    capacity = capacity_of(pool.members)
    health = health_of(pool.members)
    redirects = sum(hour.values())
    answered = redirects - hour.get(0, 0)
    return PoolStatus(
        pool_id=pool.id,
        name=pool.name,
        slug=pool.slug,
        strategy=str(pool.distribution_strategy),
        is_active=pool.is_active,
        health=health.percent,
        online_bots=health.online,
        total_bots=health.total,
        total_redirects=pool.total_redirects,
        redirects_hour=redirects,
        answered_hour=answered,
        refused_day=refused,
        success_rate=percentage(answered, redirects),
        capacity_used=capacity.used(redirects),
        capacity_available=capacity.available,
        capacity_online=capacity.online,
        capacity_total=capacity.total,
        last_sweep_age_seconds=age,
        wave_at=iso(pool.wave_at),
        conversion_alarm_at=iso(pool.conversion_alarm_at),
        uptime_from=iso(uptime_of.begin),
        uptime_to=iso(uptime_of.end),
        members=members,
    )


def _member(
    platform: Platform,
    member: PoolBot,
    hour: Mapping[int, int],
    uptime: float | None,
    position: int | None,
    layers: LayersView,
    now: datetime,
) -> MemberStatusView:
    mine = hour.get(member.bot_id, 0)
    total = sum(hour.values())
    return MemberStatusView(
        bot_id=member.bot_id,
        public_id=member.bot.public_id,
        username=member.bot.username,
        name=member.bot.name,
        status=str(member.status),
        state=switched_state(member.status, switches_of(member)),
        cause=member.status_cause,
        weight=member.weight,
        priority=member.priority,
        is_enabled=member.is_enabled,
        draining=member.draining,
        capacity_per_hour=member.capacity_per_hour,
        redirects=member.total_redirects,
        redirects_hour=mine,
        share=percentage(mine, total) or 0.0,
        check_ms=member.check_ms,
        last_health_check=iso(member.last_health_check),
        uptime_percent=uptime,
        last_failures=list(member.last_failures),
        circuit_breaker_until=iso(member.circuit_breaker_until),
        consecutive_failures=member.consecutive_failures,
        good_checks=member.good_checks,
        slow_start_percent=_slow_start(member, platform.settings.slow_start_seconds, now),
        rotation_position=position,
        promoted_at=iso(member.promoted_at),
        layers=layers,
    )


def _slow_start(member: PoolBot, seconds: float, now: datetime) -> int:
    """How much of its share a member gets by now: 10 % right after its return, 100 % a minute later."""
    if member.slow_start_at is None or seconds <= 0:
        return 100
    grown = max(0.0, (now - member.slow_start_at).total_seconds() / seconds)
    return min(100, round(100 * (SLOW_START_FLOOR + (1 - SLOW_START_FLOOR) * grown)))


def _from_redis(platform: Platform, pool_id: int, now: datetime) -> tuple[dict[int, int], float | None]:
    """The coming turns by bot id, and the age of the last sweep."""
    try:
        age = last_sweep_age(platform)
        position = int(platform.redis.get(keys.rotation(pool_id)) or 0)
    except RedisError:
        return {}, None
    snapshots = read_pools(platform, [pool_id])
    if not snapshots:
        return {}, age
    rotation = prepare(snapshots[0], now.timestamp(), platform.settings.slow_start_seconds).rotation
    members = [member.bot_id for member in snapshots[0].members]
    return _turns(rotation, position, members), round(age, 1) if age is not None else None


def _turns(rotation: str, position: int, members: Sequence[int]) -> dict[int, int]:
    if not rotation:
        return {}
    found: dict[int, int] = {}
    for ahead in range(TURNS_AHEAD):
        found.setdefault(turn(rotation, position + ahead), ahead + 1)
        if len(found) == len(members):
            break
    return found
