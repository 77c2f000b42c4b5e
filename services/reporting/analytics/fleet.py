"""The pools of an account at a glance, for cards: four queries, however many pools there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from models import Conversion, PoolBot, RedirectPool
from services.core.times import iso, utc_now
from services.fleet.health.layers import LayersView, describe_layers
from services.fleet.health.pool_health import health_of
from services.fleet.pools.click_counts import redirects_hour_of
from services.fleet.pools.switches import switched_state, switches_of
from services.platform.accounts.principal import Principal, owned
from services.platform.platform import Platform
from services.reporting.analytics.figures import capacity_of


@dataclass(frozen=True)
class CardMember:
    """One bot of a pool's card; `state` is its status, or "disabled" or "draining" where a switch says so.

    `layers` are as in the pool's status, but without the last hour's rate, which takes a look at clicks.
    """

    bot_id: int
    username: str
    state: str
    layers: LayersView


@dataclass(frozen=True)
class PoolCard:
    """What a card shows of a pool. `redirects_hour` is counted clicks of the last 60 minutes, `capacity_used`
    their percentage of what the online bots are planned for; None while nobody is online."""

    id: int
    name: str
    slug: str
    is_active: bool
    strategy: str
    health: int
    online: int
    total: int
    redirects_hour: int
    capacity_used: int | None
    wave_at: str | None
    members: tuple[CardMember, ...]

    def as_json(self) -> dict[str, Any]:
        """For the panel's scripts."""
        return asdict(self)


def pool_cards(platform: Platform, caller: Principal) -> list[PoolCard]:
    """The caller's pools, oldest first."""
    now = utc_now()
    with platform.database.reading() as session:
        query = (
            owned(caller, RedirectPool)
            .order_by(RedirectPool.id)
            .options(selectinload(RedirectPool.members).joinedload(PoolBot.bot))
        )
        pools = session.scalars(query).all()
        hourly = redirects_hour_of(session, [pool.id for pool in pools], now=now)
        known = _conversions(session, pools)
    return [_card(pool, sum(hourly.get(pool.id, {}).values()), known) for pool in pools]


def _conversions(session: Session, pools: Sequence[RedirectPool]) -> dict[int, Conversion]:
    """The conversion layer's rows of these pools' members, by member id."""
    of_pools = PoolBot.pool_id.in_([pool.id for pool in pools])
    query = select(Conversion).join(PoolBot, Conversion.pool_bot_id == PoolBot.id).where(of_pools)
    return {row.pool_bot_id: row for row in session.scalars(query)}


def _member(member: PoolBot, known: Conversion | None) -> CardMember:
    layers = describe_layers(member, member.bot, known, {})
    return CardMember(
        member.bot_id, member.bot.username, switched_state(member.status, switches_of(member)), layers
    )


def _card(pool: RedirectPool, redirects_hour: int, known: Mapping[int, Conversion]) -> PoolCard:
    health = health_of(pool.members)
    return PoolCard(
        id=pool.id,
        name=pool.name,
        slug=pool.slug,
        is_active=pool.is_active,
        strategy=str(pool.distribution_strategy),
        health=health.percent,
        online=health.online,
        total=health.total,
        redirects_hour=redirects_hour,
        capacity_used=capacity_of(pool.members).used_percent(redirects_hour),
        wave_at=iso(pool.wave_at),
        members=tuple(_member(member, known.get(member.id)) for member in pool.members),
    )
