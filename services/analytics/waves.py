"""What stands of a pool's ban wave (H7), for its live page: whom it took and who stepped in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import PoolBot, PoolBotTransition, RedirectPool
from services.health.alerts import LOST
from services.health.wave import WINDOW
from services.times import iso


def standing_wave(session: Session, pool_id: int) -> dict[str, Any] | None:
    """`at`, the bot ids that were `lost` in the wave and since, and those of the spares `promoted`; None without one.

    Who is lost is read from the transitions: a bot that is back by now stays named, as it explains the wave.
    """
    began = session.scalar(select(RedirectPool.wave_at).where(RedirectPool.id == pool_id))
    if began is None:
        return None
    promoted = select(PoolBot.bot_id).where(PoolBot.pool_id == pool_id, PoolBot.promoted_at.is_not(None))
    lost = (
        select(PoolBot.bot_id)
        .join(PoolBotTransition, PoolBotTransition.pool_bot_id == PoolBot.id)
        .where(
            PoolBot.pool_id == pool_id,
            PoolBotTransition.at > began - WINDOW,
            PoolBotTransition.from_status.not_in(LOST),
            PoolBotTransition.to_status.in_(LOST),
        )
        .distinct()
    )
    return {
        "at": iso(began),
        "lost": sorted(session.scalars(lost)),
        "promoted": sorted(session.scalars(promoted)),
    }
