"""One batch of clicks in one transaction: rows, rollups, totals, and the starts that waited for them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import Click, RedirectPool
from services.fleet.experiments.visitors import note_visitors
from services.platform.database import Database
from services.platform.platform import Platform
from services.traffic.clicks.attribution import bind_late_starts, bind_starts
from services.traffic.clicks.ledger import Batch, write_position
from services.traffic.clicks.reassign import dedupe, reassign
from services.traffic.clicks.rollups import add_to_members, fold_starts, roll_up
from services.traffic.clicks.rows import ClickRow
from services.traffic.postbacks.planning import plan_clicks

logger = logging.getLogger(__name__)
CLOCKS_APART: Final = timedelta(minutes=5)  # between the machine that answered and the one that made the pool


def store(platform: Platform, rows: Sequence[ClickRow], batch: Batch | None = None) -> list[ClickRow]:
    """Store a batch; the rows that were new. Rows of a deleted pool are dropped with a log line.

    Neither does a pool get what was meant for another of its number: where a database was emptied or restored, the spool and
    Redis may hold clicks of before. They name another account, or are older than the pool.

    `batch` names the stream's entries they came from, for the ledger.

    Raises Unavailable, and IntegrityError when a pool vanished meanwhile (repeat the batch).
    """
    with platform.database.transaction() as session:
        pools = _pools(session, {row.pool_id for row in rows})
        kept = [row for row in rows if row.pool_id in pools and _is_of(row, pools[row.pool_id])]
        dropped = len(rows) - len(kept)
        if dropped:
            logger.warning("clicks of deleted pools dropped", extra={"clicks": dropped})
        kept = dedupe(kept)
        new = _insert(session, platform.database, kept, pools)
        known = {row.id for row in new}
        corrected = reassign(session, [row for row in kept if row.replayed and row.id not in known])
        if new:
            roll_up(session, new)
            note_visitors(session, new)
            plan_clicks(session, new, {row.id: row.account_id for row in pools.values()})
            _add_totals(session, [row for row in new if row.counted])
        if new or corrected:
            bind_starts(session, [*known, *corrected])
        bind_late_starts(session)
        fold_starts(session)
        if batch is not None:
            write_position(session, batch, new=len(new), dropped=dropped)
    return new


def _pools(session: Session, pool_ids: set[int]) -> dict[int, Row[int, int, datetime]]:
    """Account and birth by pool, locked against deletion until the commit (PostgreSQL; SQLite has one writer)."""
    if not pool_ids:
        return {}
    query = select(RedirectPool.id, RedirectPool.account_id, RedirectPool.created_at)
    query = query.where(RedirectPool.id.in_(pool_ids))
    query = query.order_by(RedirectPool.id).with_for_update(read=True, key_share=True)
    return {row.id: row for row in session.execute(query)}


def _is_of(click: ClickRow, pool: Row[int, int, datetime]) -> bool:
    return click.account_id in (None, pool.account_id) and click.at >= pool.created_at - CLOCKS_APART


def _insert(
    session: Session, database: Database, rows: Sequence[ClickRow], pools: dict[int, Row[int, int, datetime]]
) -> list[ClickRow]:
    if not rows:
        return []
    values = [
        {**asdict(row), "counted": row.counted, "account_id": pools[row.pool_id].account_id} for row in rows
    ]
    for value in values:
        del value["replayed"]
    statement = _upsert(database, Click).on_conflict_do_nothing(index_elements=["id"]).returning(Click.id)
    new = set(session.scalars(statement, values))
    return [row for row in rows if row.id in new]


def _add_totals(session: Session, rows: Iterable[ClickRow]) -> None:
    rows = list(rows)
    for pool_id, count in sorted(Counter(row.pool_id for row in rows).items()):
        session.execute(
            update(RedirectPool)
            .where(RedirectPool.id == pool_id)
            .values(total_redirects=RedirectPool.total_redirects + count, updated_at=RedirectPool.updated_at)
        )
    add_to_members(session, Counter((row.pool_id, row.bot_id) for row in rows if row.bot_id is not None))


def _upsert(database: Database, table: type[Any]) -> Any:
    """INSERT of the dialect at hand: only these know ON CONFLICT."""
    return sqlite.insert(table) if database.is_sqlite else postgresql.insert(table)
