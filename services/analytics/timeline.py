"""What happened to a pool's members: their changes of state, newest first (H5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, PoolBot, PoolBotTransition
from services.times import iso


def transitions(session: Session, pool_id: int, limit: int) -> list[dict[str, Any]]:
    """The newest changes of state of a pool's present members, at most `limit`."""
    query = (
        select(PoolBotTransition, Bot.id, Bot.username)
        .join(PoolBot, PoolBotTransition.pool_bot_id == PoolBot.id)
        .join(Bot, PoolBot.bot_id == Bot.id)
        .where(PoolBot.pool_id == pool_id)
        .order_by(PoolBotTransition.at.desc(), PoolBotTransition.id.desc())
        .limit(limit)
    )
    return [
        {
            "id": row.id,
            "at": iso(row.at),
            "bot_id": bot_id,
            "username": username,
            "from": row.from_status,
            "to": row.to_status,
            "cause": row.cause,
        }
        for row, bot_id, username in session.execute(query)
    ]
