"""A ban wave: two or more members of a pool lost within ten minutes. Its spares step in until the owner reverts it.

The pool's row is locked by whoever applies outcomes, so two processes promote once; `wave_at` says that a wave's
promotions stand, `promoted_at` which members they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from models import (
    BanWave,
    Bot,
    MemberStatus,
    Notification,
    PoolBot,
    PoolBotTransition,
    RedirectPool,
    WaveStep,
)
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.errors import Conflict
from services.core.times import utc_now
from services.fleet.health.alerts import LOST, Change, about
from services.fleet.health.pool_health import PoolHealth, counts, refresh_pool_health
from services.fleet.health.wave_log import close_wave, note, note_fates, open_wave
from services.fleet.pools.snapshot import publish
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform

WINDOW: Final = timedelta(minutes=10)
FEWEST: Final = 2
SPARE, NORMAL = -1, 0  # priorities
SERVED: Final = (
    MemberStatus.ONLINE,
    MemberStatus.DEGRADED,
    MemberStatus.SUSPECT,
)  # who never served cannot be lost


def follow_waves(
    session: Session, changes: Sequence[Change], health: Mapping[int, PoolHealth], now: datetime
) -> None:
    """Promote spares in pools where these changes make a wave, and keep what each change means for its timeline.

    The pools must be locked by the caller. The alert goes out in one message with those of the losses themselves: what
    happens to a pool at one time is grouped when it is delivered.
    """
    fresh = {change.member.id for change in changes if change.is_loss and change.before in SERVED}
    for pool_id in sorted({change.member.pool_id for change in changes if change.is_loss}):
        members = _members(session, pool_id)
        lost = _lost(session, members, now)
        pool = members[0].pool
        _end_if_over(session, pool, members, now)
        if pool.wave_at is not None:
            added = [one for one in lost if one.member.id in fresh]
            wave = open_wave(session, pool, pool.wave_at)
            promoted = _ride(session, wave, added, members, now)
            if len(lost) >= FEWEST and _last_told(session, pool) <= now - WINDOW:
                _tell(session, wave, pool, lost, promoted, health[pool_id], now)
        elif len(lost) >= FEWEST:
            _begin(session, lost, members, health[pool_id], now)
    note_fates(session, changes)


def end_waves(platform: Platform, now: datetime) -> None:
    """End the waves that promoted nobody and are over: all are back, or nobody was lost for ten minutes."""
    standing = select(RedirectPool.id).where(RedirectPool.wave_at.is_not(None))
    idle = (
        ~select(PoolBot.id)
        .where(PoolBot.pool_id == RedirectPool.id, PoolBot.promoted_at.is_not(None))
        .exists()
    )
    with platform.database.reading() as session:
        if session.scalar(standing.where(idle).limit(1)) is None:
            return
    with platform.database.transaction() as session:
        for pool in session.scalars(
            select(RedirectPool)
            .where(RedirectPool.id.in_(standing.where(idle)))
            .order_by(RedirectPool.id)
            .with_for_update(key_share=True)
        ).all():
            _end_if_over(session, pool, _members(session, pool.id), now)


def _end_if_over(session: Session, pool: RedirectPool, members: Sequence[PoolBot], now: datetime) -> None:
    """A wave with promotions stands until its owner reverts them; one without has nothing to revert."""
    if pool.wave_at is None or any(member.promoted_at is not None for member in members):
        return
    wave = open_wave(session, pool, pool.wave_at)
    losses = [move for move in wave.moves if move.step == WaveStep.LOST]
    away = {member.bot_id for member in members if member.status in LOST}
    last = max((move.at for move in losses), default=wave.began_at)
    if last > now - WINDOW and (not losses or any(move.bot_id in away for move in losses)):
        return
    close_wave(session, pool, now)
    session.execute(
        update(RedirectPool)
        .where(RedirectPool.id == pool.id)
        .values(wave_at=None, updated_at=RedirectPool.updated_at)
    )


def revert_wave(platform: Platform, caller: Principal, pool_id: int | str) -> int:
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
        close_wave(session, pool, utc_now())
        pool.wave_at = None
        refresh_pool_health(session, [pool.id])
        audit(session, caller, "wave_reverted", account_id=pool.account_id, pool_id=pool.id)
    publish(platform, [pool.id])
    return len(members)


def _members(session: Session, pool_id: int) -> list[PoolBot]:
    query = select(PoolBot).where(PoolBot.pool_id == pool_id).order_by(PoolBot.bot_id)
    query = query.options(joinedload(PoolBot.bot), joinedload(PoolBot.pool))
    return list(session.scalars(query.with_for_update(of=PoolBot)))


@dataclass(frozen=True)
class Loss:
    """A member that is away, since when and why."""

    member: PoolBot
    at: datetime
    cause: str


def _lost(session: Session, members: Iterable[PoolBot], now: datetime) -> list[Loss]:
    """Members that left within the window and are still away."""
    away = {member.id: member for member in members if member.status in LOST and counts(member)}
    moves = session.scalars(
        select(PoolBotTransition)
        .where(
            PoolBotTransition.pool_bot_id.in_(away),
            PoolBotTransition.at > now - WINDOW,
            PoolBotTransition.from_status.in_(SERVED),
            PoolBotTransition.to_status.in_(LOST),
        )
        .order_by(PoolBotTransition.id)
    )
    last = {move.pool_bot_id: Loss(away[move.pool_bot_id], move.at, move.cause) for move in moves}
    return [last[member_id] for member_id in sorted(last)]


def _begin(
    session: Session,
    lost: Sequence[Loss],
    members: Sequence[PoolBot],
    health: PoolHealth,
    now: datetime,
) -> None:
    pool = members[0].pool
    session.execute(
        update(RedirectPool)
        .where(RedirectPool.id == pool.id)
        .values(wave_at=now, updated_at=RedirectPool.updated_at)
    )
    wave = open_wave(session, pool, now)
    promoted = _ride(session, wave, lost, members, now)
    _tell(session, wave, pool, lost, promoted, health, now)


def _ride(
    session: Session, wave: BanWave, lost: Iterable[Loss], members: Iterable[PoolBot], now: datetime
) -> list[PoolBot]:
    """Note what was lost and promote the spares that there are, also those added since; which."""
    for loss in lost:
        note(session, wave, WaveStep.LOST, loss.member, loss.at, loss.cause)
    spares = [one for one in members if one.priority == SPARE and counts(one) and one.status not in LOST]
    for member in spares:
        member.priority, member.promoted_at, member.slow_start_at = NORMAL, now, now
        note(session, wave, WaveStep.PROMOTED, member, now)
    return spares


def _last_told(session: Session, pool: RedirectPool) -> datetime:
    """When the owner was last told of a wave in this pool; its beginning at the latest."""
    at = session.scalar(
        select(func.max(Notification.at)).where(
            Notification.pool_id == pool.id, Notification.kind == Kind.BAN_WAVE
        )
    )
    return max(one for one in (at, pool.wave_at) if one is not None)


def _tell(
    session: Session,
    wave: BanWave,
    pool: RedirectPool,
    lost: Sequence[Loss],
    spares: Sequence[PoolBot],
    health: PoolHealth,
    now: datetime,
) -> None:
    kind = Kind.BAN_WAVE
    params = {
        "wave": wave.id,
        "lost": _names(one.member.bot for one in lost),
        "promoted": _names(one.bot for one in spares),
    }
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
