"""What is kept of a ban wave: rows that tell its timeline after the bots have left the pool."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import BanWave, BanWaveMove, MemberStatus, PoolBot, RedirectPool, WaveStep
from services.fleet.health.alerts import LOST, Change


def open_wave(session: Session, pool: RedirectPool, began_at: datetime) -> BanWave:
    """The wave that stands in the pool; its row is made here when it has none yet."""
    known = session.scalar(
        select(BanWave)
        .where(BanWave.pool_id == pool.id, BanWave.reverted_at.is_(None))
        .order_by(BanWave.id.desc())
        .limit(1)
    )
    if known is not None:
        return known
    wave = BanWave(account_id=pool.account_id, pool_id=pool.id, began_at=began_at)
    session.add(wave)
    session.flush()
    return wave


def close_wave(session: Session, pool: RedirectPool, reverted_at: datetime) -> None:
    """The owner took the promotions back, or a wave without any is over."""
    open_wave(session, pool, pool.wave_at or reverted_at).reverted_at = reverted_at


def note(
    session: Session,
    wave: BanWave,
    step: WaveStep,
    member: PoolBot,
    at: datetime,
    cause: str = "",
) -> None:
    """Add a moment of a member to the wave."""
    session.add(
        BanWaveMove(
            wave_id=wave.id,
            at=at,
            step=str(step),
            bot_id=member.bot_id,
            username=member.bot.username,
            cause=cause,
        )
    )


def note_fates(session: Session, changes: Iterable[Change]) -> None:
    """What became of bots that some wave took, reverted by now or not: banned after all, or back.

    A bot that was removed and added again comes back by its first good check.
    """
    for change in changes:
        banned = change.after is MemberStatus.BANNED
        was_away = change.before in LOST or change.before is MemberStatus.CHECKING
        if not was_away or (change.after in LOST and not banned):
            continue
        wave = _took(session, change.member)
        if wave is not None:
            step = WaveStep.BANNED if banned else WaveStep.BACK
            note(session, wave, step, change.member, change.at, change.cause)


def _took(session: Session, member: PoolBot) -> BanWave | None:
    """The last wave of the pool that took this bot and has not seen it back."""
    last = (
        select(func.max(BanWaveMove.id))
        .join(BanWave, BanWave.id == BanWaveMove.wave_id)
        .where(BanWave.pool_id == member.pool_id, BanWaveMove.bot_id == member.bot_id)
        .scalar_subquery()
    )
    move = session.scalar(select(BanWaveMove).where(BanWaveMove.id == last))
    if move is None or move.step not in (WaveStep.LOST, WaveStep.BANNED):
        return None
    return session.get(BanWave, move.wave_id)
