"""What an owner may decide about a member's health: letting a banned one return, and all of a bot with a new token."""

from __future__ import annotations

import logging
from datetime import datetime

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, MemberStatus, PoolBot, RedirectPool
from services.core.errors import Conflict, NotFound
from services.core.times import utc_now
from services.fleet.health.alerts import LOST
from services.fleet.health.breaker import ALLOWED_CAUSE, BreakerState, allowed_back
from services.fleet.health.members import lock_pools, state_of, write_state
from services.fleet.health.pool_health import refresh_pool_health
from services.fleet.pools.snapshot import publish
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue

logger = logging.getLogger(__name__)


def allow_return(platform: Platform, caller: Principal, pool_id: int | str, bot_id: int | str) -> None:
    """Let a banned member be probed at once: two good checks bring it back with a slow start, a dead answer bans it again.

    Raises NotFound for what is not the caller's, Conflict `member_not_banned` for a member in any other state.
    """
    now = utc_now()
    with platform.database.transaction() as session:
        pool = get_owned(session, caller, RedirectPool, pool_id)
        bot = get_owned(session, caller, Bot, bot_id)
        session.refresh(pool, with_for_update=True)  # pool before member, as everywhere
        member = session.scalar(
            select(PoolBot).where(PoolBot.pool_id == pool.id, PoolBot.bot_id == bot.id).with_for_update()
        )
        if member is None:
            raise NotFound("This bot is not in this pool", code="member_not_found")
        if member.status != MemberStatus.BANNED:
            raise Conflict("Only a banned member needs leave to return", code="member_not_banned")
        write_state(session, member, allowed_back(state_of(member), now), ALLOWED_CAUSE, now)
        refresh_pool_health(session, [pool.id])
        audit(session, caller, "member_allowed", account_id=pool.account_id, bot_id=bot.id, pool_id=pool.id)
    try:
        publish(platform, [pool.id])
        enqueue(platform.job_redis, JobName.CHECK_BOT, bot.id)
    except RedisError:
        logger.warning("the next sweep will probe the member", extra={"bot_id": bot.id, "pool_id": pool.id})


def probe_again(session: Session, bot_id: int, now: datetime, *, is_another: bool = False) -> list[int]:
    """Let the bot's lost members be probed at once, after what cost them their places was mended; the ids of their pools.

    Of another Telegram bot, which has just answered and never failed, they are online at once, with a slow start. Locks the pools before the members; to be called before the bot's own row is locked.
    """
    lost = (PoolBot.bot_id == bot_id, PoolBot.status.in_(LOST))
    lock_pools(session, select(PoolBot.pool_id).where(*lost))
    members = session.scalars(select(PoolBot).where(*lost).order_by(PoolBot.pool_id).with_for_update()).all()
    for member in members:
        anew = BreakerState(MemberStatus.ONLINE, slow_start_at=now)
        state = anew if is_another else allowed_back(state_of(member), now)
        write_state(session, member, state, ALLOWED_CAUSE, now)
    pool_ids = [member.pool_id for member in members]
    refresh_pool_health(session, pool_ids)
    return pool_ids
