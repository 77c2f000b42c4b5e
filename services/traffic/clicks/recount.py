"""Making the rollups anew from the clicks that are still kept: after an upgrade that brought new ones, or a mismatch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models import BoundStart, Click, ClickBreakdown, ClickRollup, RedirectPool
from services.core.errors import Conflict
from services.core.times import day_of, hour_of, utc_now
from services.platform.platform import Platform
from services.platform.redis.leases import Lease
from services.traffic.clicks.flush import LEASE, LEASE_SECONDS
from services.traffic.clicks.rollups import CLICKS, STARTS, UNCOUNTED, VISITORS, Tally, add
from services.traffic.clicks.source import source_of

CHUNK: Final = 5000


def recount(platform: Platform) -> int:
    """Replace the rollups of every whole hour whose clicks are kept; how many clicks were counted.

    Works pool by pool under the flusher's lease, so `/go` goes on and clicks wait in the stream meanwhile. Conflict
    while a flusher works and does not finish.
    """
    lease = Lease.take(platform.redis, LEASE, ttl_seconds=LEASE_SECONDS)
    if lease is None:
        raise Conflict("The flusher is at work; try again in some seconds", code="flusher_busy")
    try:
        since = hour_of(utc_now() - timedelta(days=platform.settings.clicks_retention_days)) + timedelta(
            hours=1
        )
        with platform.database.reading() as session:
            pools = session.scalars(select(RedirectPool.id).order_by(RedirectPool.id)).all()
        counted = 0
        for pool_id in pools:
            with platform.database.transaction() as session:
                counted += _pool(session, lease, pool_id, since)
        return counted
    finally:
        lease.release()


def _pool(session: Session, lease: Lease, pool_id: int, since: datetime) -> int:
    first = session.scalar(select(func.min(Click.at)).where(Click.pool_id == pool_id, Click.at >= since))
    if first is None:
        return 0
    begin = max(since, hour_of(first))
    for table in (ClickRollup, ClickBreakdown):
        session.execute(
            delete(table)
            .where(table.pool_id == pool_id, table.hour >= begin)
            .execution_options(synchronize_session=False)
        )
    waiting = set(session.scalars(select(BoundStart.click_id)))
    tally, seen, count = Tally.empty(), set[tuple[datetime, str]](), 0
    query = select(Click).where(Click.pool_id == pool_id, Click.at >= begin).order_by(Click.at, Click.id)
    for click in session.scalars(query.execution_options(yield_per=CHUNK)):
        if count % CHUNK == 0:
            session.flush()
            lease.renew()
        click.source = click.source or source_of(click.params, click.referrer_host)
        count += 1
        tally.add(click, CLICKS if click.counted else UNCOUNTED)
        if (
            click.counted
            and click.unique_hash
            and (visit := (day_of(click.at), click.unique_hash)) not in seen
        ):
            seen.add(visit)
            tally.add(click, VISITORS)
        if click.counted and click.started_at is not None and click.id not in waiting:
            tally.add(click, STARTS)
    add(session, tally)
    _total(session, pool_id)
    return count


def _total(session: Session, pool_id: int) -> None:
    total = select(func.coalesce(func.sum(ClickRollup.clicks), 0)).where(ClickRollup.pool_id == pool_id)
    session.execute(
        update(RedirectPool)
        .where(RedirectPool.id == pool_id)
        .values(total_redirects=total.scalar_subquery(), updated_at=RedirectPool.updated_at)
        .execution_options(synchronize_session=False)
    )
