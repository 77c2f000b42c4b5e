"""A pool's ban waves at a glance: whom each took, who stepped in, whether it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from typing_extensions import TypedDict

from models import BanWave, BanWaveMove, PoolBot, RedirectPool, WaveStep
from services.core.answer_types import Moment
from services.core.times import iso
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform


class CasualtyView(TypedDict):
    """A bot that a wave took."""

    bot_id: int
    username: str
    at: Moment
    cause: str
    is_banned: bool
    back_at: Moment | None
    is_member: bool


class PromotedView(TypedDict):
    """A spare that a wave raised."""

    bot_id: int
    username: str
    at: Moment


class WaveView(TypedDict):
    """A ban wave in a list."""

    id: int
    pool_id: int
    at: Moment
    is_standing: bool
    reverted_at: Moment | None
    recovered_at: Moment | None
    lost: list[CasualtyView]
    promoted: list[PromotedView]


@dataclass(frozen=True)
class Casualty:
    """A bot that a wave took: when first and why, whether Telegram banned it, and when it came back to stay."""

    bot_id: int
    username: str
    at: datetime
    cause: str
    is_banned: bool
    back_at: datetime | None
    is_member: bool  # still in the pool

    def as_json(self) -> CasualtyView:
        """For the API and the panel."""
        return {
            "bot_id": self.bot_id,
            "username": self.username,
            "at": iso(self.at),
            "cause": self.cause,
            "is_banned": self.is_banned,
            "back_at": iso(self.back_at),
            "is_member": self.is_member,
        }


def casualties(wave: BanWave, members: frozenset[int]) -> list[Casualty]:
    """Whom the wave took, in order; `members` are the bot ids now in the pool."""
    by_bot: dict[int, list[BanWaveMove]] = {}
    for move in wave.moves:
        if move.step != WaveStep.PROMOTED:
            by_bot.setdefault(move.bot_id, []).append(move)
    return [_casualty(moves, members) for moves in by_bot.values()]


def recovered_at(lost: Sequence[Casualty]) -> datetime | None:
    """When the last of those still in the pool came back; None while one is away, and when none is left to come."""
    staying = [one for one in lost if one.is_member]
    returns = [one.back_at for one in staying if one.back_at is not None]
    return max(returns) if returns and len(returns) == len(staying) else None


def standing_wave(session: Session, pool_id: int) -> dict[str, Any] | None:
    """`id`, `at`, the bot ids that the wave took, back by now or not, and the spares `promoted`; None without one.

    `id` is None when an older release began the wave and nothing has happened since.
    """
    began = session.scalar(select(RedirectPool.wave_at).where(RedirectPool.id == pool_id))
    if began is None:
        return None
    wave = session.scalar(
        select(BanWave)
        .where(BanWave.pool_id == pool_id, BanWave.reverted_at.is_(None))
        .order_by(BanWave.id.desc())
        .options(selectinload(BanWave.moves))
        .limit(1)
    )
    promoted = select(PoolBot.bot_id).where(PoolBot.pool_id == pool_id, PoolBot.promoted_at.is_not(None))
    return {
        "id": wave.id if wave else None,
        "at": iso(began),
        "lost": sorted(one.bot_id for one in casualties(wave, frozenset())) if wave else [],
        "promoted": sorted(session.scalars(promoted)),
    }


def list_waves(
    platform: Platform, caller: Principal, pool_id: int, *, before: int = 0, limit: int = 50
) -> list[WaveView]:
    """Waves of one of the caller's pools, newest first, those with an id below `before`; NotFound for another's."""
    with looking(platform, caller) as session:
        get_owned(session, caller, RedirectPool, pool_id)
        query = select(BanWave).where(BanWave.pool_id == pool_id).options(selectinload(BanWave.moves))
        if before:
            query = query.where(BanWave.id < before)
        members = members_of(session, pool_id)
        return [
            describe_wave(wave, members)
            for wave in session.scalars(query.order_by(BanWave.id.desc()).limit(limit))
        ]


def members_of(session: Session, pool_id: int) -> frozenset[int]:
    """The bot ids now in the pool."""
    return frozenset(session.scalars(select(PoolBot.bot_id).where(PoolBot.pool_id == pool_id)))


def describe_wave(wave: BanWave, members: frozenset[int]) -> WaveView:
    """A wave in a list."""
    lost = casualties(wave, members)
    return {
        "id": wave.id,
        "pool_id": wave.pool_id,
        "at": iso(wave.began_at),
        "is_standing": wave.reverted_at is None,
        "reverted_at": iso(wave.reverted_at),
        "recovered_at": iso(recovered_at(lost)),
        "lost": [one.as_json() for one in lost],
        "promoted": [
            {"bot_id": move.bot_id, "username": move.username, "at": iso(move.at)}
            for move in wave.moves
            if move.step == WaveStep.PROMOTED
        ],
    }


def _casualty(moves: Sequence[BanWaveMove], members: frozenset[int]) -> Casualty:
    first, last = moves[0], moves[-1]
    return Casualty(
        bot_id=first.bot_id,
        username=first.username,
        at=first.at,
        cause=first.cause,
        is_banned=last.step == WaveStep.BANNED,
        back_at=last.at if last.step == WaveStep.BACK else None,
        is_member=first.bot_id in members,
    )
