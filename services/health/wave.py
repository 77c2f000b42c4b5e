"""A ban wave (H7): two or more members of a pool lost within ten minutes. Its spares step in until the owner reverts it.

The pool's row is locked by whoever applies outcomes, so two processes promote once; `wave_at` says that a wave's
promotions stand, `promoted_at` which members they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from models import Bot, PoolBot, PoolBotTransition, RedirectPool
from services.accounts.caller import Caller, get_owned, record
from services.errors import Conflict
from services.health.alerts import LOST, Change, about
from services.health.pool_health import PoolHealth, counts, refresh_pool_health
from services.notifications.kinds import Kind
from services.notifications.notify import notify
from services.platform import Platform
from services.pools.snapshot import publish

WINDOW: Final = timedelta(minutes=10)
FEWEST: Final = 2
SPARE, NORMAL = -1, 0  # priorities


def follow_waves(
    session: Session, changes: Iterable[Change], health: Mapping[int, PoolHealth], now: datetime
) -> frozenset[int]:
    """Promote spares in pools where these changes make a wave; the pools whose wave began.

    The pools must be locked by the caller. The alert goes out in one message with those of the losses themselves: what
    happens to a pool at one time is grouped when it is delivered.
    """
    concerned = sorted({change.member.pool_id for change in changes if change.is_loss})
    begun = set()
    for pool_id in concerned:
        members = _members(session, pool_id)
        lost = _lost(session, members, now)
        if len(lost) >= FEWEST and _ride(session, members, lost, health[pool_id], now):
            begun.add(pool_id)
    return frozenset(begun)


def revert_wave(platform: Platform, caller: Caller, pool_id: int | str) -> int:
    """Make the spares that a wave promoted spares again; how many. A priority that the owner set meanwhile stays.

    Raises NotFound for another's pool and Conflict `no_wave` when no promotion stands.
    """
    with platform.database.transaction() as session:
        pool = get_owned(session, caller, RedirectPool, pool_id)
        session.refresh(pool, with_for_update=True)
        if pool.wave_at is None:
            raise Conflict("No ban wave stands in this pool", code="no_wave")
        members = [one for one in _members(session, pool.id) if one.promoted_at is not None]
        for member in members:
            member.priority = SPARE if member.priority == NORMAL else member.priority
            member.promoted_at = None
        pool.wave_at = None
        refresh_pool_health(session, [pool.id])
        record(session, caller, "wave_reverted", account_id=pool.account_id, pool_id=pool.id)
    publish(platform, [pool.id])
    return len(members)


def _members(session: Session, pool_id: int) -> list[PoolBot]:
    query = select(PoolBot).where(PoolBot.pool_id == pool_id).order_by(PoolBot.bot_id)
    query = query.options(joinedload(PoolBot.bot), joinedload(PoolBot.pool))
    return list(session.scalars(query.with_for_update(of=PoolBot)))


def _lost(session: Session, members: Iterable[PoolBot], now: datetime) -> list[PoolBot]:
    """Members that left within the window and are still away."""
    away = {member.id: member for member in members if member.status in LOST and counts(member)}
    moves = session.scalars(
        select(PoolBotTransition.pool_bot_id).where(
            PoolBotTransition.pool_bot_id.in_(away),
            PoolBotTransition.at > now - WINDOW,
            PoolBotTransition.from_status.not_in(LOST),
            PoolBotTransition.to_status.in_(LOST),
        )
    )
    return [away[member_id] for member_id in sorted(set(moves))]


def _ride(
    session: Session, members: list[PoolBot], lost: list[PoolBot], health: PoolHealth, now: datetime
) -> bool:
    """Promote the spares that there are, also those added since; True when the wave begins with this."""
    spares = [one for one in members if one.priority == SPARE and counts(one) and one.status not in LOST]
    for member in spares:
        member.priority, member.promoted_at, member.slow_start_at = NORMAL, now, now
    pool = members[0].pool
    if pool.wave_at is not None:
        return False
    session.execute(
        update(RedirectPool)
        .where(RedirectPool.id == pool.id)
        .values(wave_at=now, updated_at=RedirectPool.updated_at)
    )
    _tell(session, pool, lost, spares, health, now)
    return True


def _tell(
    session: Session,
    pool: RedirectPool,
    lost: list[PoolBot],
    spares: list[PoolBot],
    health: PoolHealth,
    now: datetime,
) -> None:
    kind = Kind.BAN_WAVE
    params = {"lost": _names(one.bot for one in lost), "promoted": _names(one.bot for one in spares)}
    notify(
        session,
        account_id=pool.account_id,
        kind=kind,
        level=kind.level,
        dedupe_key=f"{kind}:{pool.id}:{now.timestamp():.3f}",
        params={**params, "promoted_count": len(spares), **about(pool, health)},
        pool_id=pool.id,
        at=now,
    )


def _names(bots: Iterable[Bot]) -> str:
    return ", ".join(f"@{bot.username}" for bot in bots) or "–"
