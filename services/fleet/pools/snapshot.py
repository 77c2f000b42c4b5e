"""Bringing pools from the database to where `/go` reads them: one Redis hash, pool id -> JSON.

Every copy carries a version drawn before the database is read. Whoever read later drew a higher one, so of two
publishers that race the fresher copy stays, whichever is written last; a deleted pool leaves a versioned marker.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Conversion, MemberStatus, OverLimit, PoolBot, PoolSlug, RedirectPool, Strategy
from services.fleet.health.conversion import SUSPECT_SHARE
from services.fleet.pools.model import MemberSnapshot, PoolSnapshot, from_json, to_json
from services.fleet.pools.routings import read_routings
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.scripts import load

logger = logging.getLogger(__name__)

STORE: Final = load("store_snapshot")


def publish(platform: Platform, pool_ids: Iterable[int]) -> None:
    """Rebuild what `/go` knows of these pools and tell every process; call it after the commit.

    With Redis away it only logs: the change is in the database, and `repair`, rung for once a minute, mends the copy.
    """
    wanted = sorted(set(pool_ids))
    try:
        _publish(platform, wanted)
    except RedisError:
        logger.warning("pools not published, Redis does not answer", extra={"pool_ids": wanted})


def publish_bots(platform: Platform, bot_ids: Iterable[int]) -> None:
    """Publish every pool that holds one of these bots: after a start, a stop, a new username."""
    with platform.database.reading() as session:
        query = select(PoolBot.pool_id).where(PoolBot.bot_id.in_(list(bot_ids))).distinct()
        pool_ids = session.scalars(query).all()
    publish(platform, pool_ids)


def publish_all(platform: Platform) -> None:
    """Rebuild everything, and forget pools that are no more. Raises RedisError when Redis is away."""
    known = [int(field) for field in platform.redis.hkeys(keys.pool_snapshot())]
    with platform.database.reading() as session:
        wanted = session.scalars(select(RedirectPool.id)).all()
    _publish(platform, sorted({*known, *wanted}))


def repair(platform: Platform) -> list[int]:
    """Publish the pools whose copy is not what the database says, as after a lost announcement; their ids.

    Raises RedisError when Redis is away.
    """
    copies = {
        int(key): _parsed(str(text)) for key, text in platform.redis.hgetall(keys.pool_snapshot()).items()
    }
    true = {pool.id: replace(pool, version=0) for pool in read_pools(platform)}
    wrong = sorted(key for key in {*copies, *true} if copies.get(key) != true.get(key))
    _publish(platform, wrong)
    return wrong


def _parsed(text: str) -> PoolSnapshot | None:
    """The copy without its version; None for the marker of a deleted pool and for what cannot be read."""
    try:
        return replace(from_json(text), version=0)
    except (KeyError, ValueError, TypeError):
        return None


def _publish(platform: Platform, pool_ids: Sequence[int]) -> None:
    if not pool_ids:
        return
    version = int(platform.redis.incr(keys.pool_snapshot_version()))
    found = {pool.id: pool for pool in read_pools(platform, pool_ids, version=version)}
    with platform.redis.pipeline(transaction=False) as pipe:
        for pool_id in pool_ids:
            text = to_json(found[pool_id]) if pool_id in found else json.dumps({"version": version})
            pipe.eval(STORE.text, 1, keys.pool_snapshot(), str(pool_id), str(version), text)
            if pool_id not in found:
                pipe.delete(keys.rotation(pool_id))
        pipe.execute()
    for pool_id in pool_ids:
        announce(platform.redis, Topic.POOL, pool_id)


def read_pools(
    platform: Platform, pool_ids: Sequence[int] | None = None, *, version: int = 0
) -> list[PoolSnapshot]:
    """Snapshots of these pools (or all) from the database, in five queries whatever their number."""
    with platform.database.reading() as session:
        pools = select(RedirectPool)
        if pool_ids is not None:
            pools = pools.where(RedirectPool.id.in_(pool_ids))
        rows = session.scalars(pools).all()
        identities = [pool.id for pool in rows]
        slugs = _slugs(session, identities)
        members = _members(session, identities)
        routings = read_routings(session, identities)
    return [
        replace(
            _snapshot(pool, slugs.get(pool.id, []), members.get(pool.id, []), version),
            routing=routings.get(pool.id),
        )
        for pool in rows
    ]


def _slugs(session: Session, pool_ids: Sequence[int]) -> dict[int, list[str]]:
    slugs: dict[int, list[str]] = {}
    query = select(PoolSlug.pool_id, PoolSlug.slug).where(PoolSlug.pool_id.in_(pool_ids))
    for pool_id, slug in session.execute(query.order_by(PoolSlug.slug)):
        slugs.setdefault(pool_id, []).append(slug)
    return slugs


def _members(session: Session, pool_ids: Sequence[int]) -> dict[int, list[MemberSnapshot]]:
    members: dict[int, list[MemberSnapshot]] = {}
    query = select(PoolBot, Bot.username, Bot.desired_running, Conversion.trickle)
    query = query.join(Bot, PoolBot.bot_id == Bot.id)
    query = query.outerjoin(Conversion, Conversion.pool_bot_id == PoolBot.id)
    query = query.where(PoolBot.pool_id.in_(pool_ids)).order_by(PoolBot.id)
    for member, username, running, trickle in session.execute(query):
        members.setdefault(member.pool_id, []).append(
            MemberSnapshot(
                bot_id=member.bot_id,
                username=username,
                status=MemberStatus(member.status),
                weight=member.weight,
                priority=member.priority,
                is_enabled=member.is_enabled,
                draining=member.draining,
                running=running,
                joined_at=_epoch(member.slow_start_at or member.added_at),
                slow_start=member.slow_start_at is not None,
                trickle=SUSPECT_SHARE if trickle is None else trickle,
            )
        )
    return members


def _epoch(moment: datetime) -> float:
    return round(moment.timestamp(), 3)


def _snapshot(
    pool: RedirectPool, slugs: Sequence[str], members: Sequence[MemberSnapshot], version: int
) -> PoolSnapshot:
    return PoolSnapshot(
        id=pool.id,
        account_id=pool.account_id,
        slugs=(pool.slug, *(slug for slug in slugs if slug != pool.slug)),
        members=tuple(members),
        version=version,
        is_active=pool.is_active,
        strategy=Strategy(pool.distribution_strategy),
        sticky=pool.sticky,
        start_param=pool.start_param,
        tracking=pool.tracking,
        rate_limit_per_minute=pool.rate_limit_per_minute,
        over_limit=OverLimit(pool.over_limit),
        fallback_url=pool.fallback_url,
        fallback_pool_id=pool.fallback_pool_id,
    )
