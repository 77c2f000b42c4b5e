"""Clicks that a pool refused over its limit: from the hourly counts to the database, without a row each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import RedirectPool, RefusedClicks
from services.core.times import hour_of
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.hourly_counts import PoolHour, forget_old, read_sums


def fold_refused(platform: Platform) -> None:
    """Bring the sums to the database; one caller at a time. Raises RedisError or Unavailable."""
    sums = read_sums(platform.redis, keys.unstored_clicks("refused"))
    if not sums:
        return
    with platform.database.transaction() as session:
        _store(session, sums)
    forget_old(platform.redis, keys.unstored_clicks("refused"), sums)


def refused_since(session: Session, pool_id: int, begin: datetime) -> int:
    """Clicks that a pool refused since the hour that `begin` lies in."""
    query = select(func.sum(RefusedClicks.refused)).where(
        RefusedClicks.pool_id == pool_id, RefusedClicks.hour >= hour_of(begin)
    )
    return int(session.scalar(query) or 0)


def _store(session: Session, sums: Mapping[PoolHour, int]) -> None:
    pools = select(RedirectPool.id, RedirectPool.created_at)
    pools = pools.where(RedirectPool.id.in_({pool_id for pool_id, _ in sums})).order_by(RedirectPool.id)
    rows = session.execute(pools.with_for_update(read=True, key_share=True))
    first = {pool_id: hour_of(created_at) for pool_id, created_at in rows}
    for (pool_id, hour), count in sorted(sums.items()):
        if pool_id not in first or hour < first[pool_id]:  # of a deleted pool, be it of the same number
            continue
        known = session.get(RefusedClicks, (pool_id, hour))
        if known is None:
            session.add(RefusedClicks(pool_id=pool_id, hour=hour, refused=count))
        elif known.refused < count:
            known.refused = count
