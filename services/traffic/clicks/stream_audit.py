"""Clicks lost: 0. What the stream accepted, what became rows, and what the rollups say, compared.

Two steps, so that a fault has a place: stream -> ledger (nothing that was accepted is missing) and rows -> rollups
(nothing was counted twice or not at all). Clicks that retention deleted are beyond the second one.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from redis import RedisError, ResponseError
from sqlalchemy import String, case, func, literal, select, union_all
from sqlalchemy.orm import Session

from models import Click, ClickLedger, ClickRollup
from services.core.times import hour_of, iso, utc_now
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.spool import Spool

logger = logging.getLogger(__name__)
ATTEMPTS: Final = 5  # a flusher that works meanwhile makes both sides move
PAUSE_SECONDS: Final = 0.1
UNACKNOWLEDGED: Final = 10_000  # more entries than a batch holds, between commit and acknowledgement


@dataclass(frozen=True)
class StreamAudit:
    """Entries of the click stream: accepted since the ledger was opened, settled, still waiting.

    Of the settled, `rows` are new rows; `repeated` were known already (a spool file replayed twice), `dropped` were
    unreadable or of a deleted pool.
    """

    accepted: int
    settled: int
    waiting: int
    rows: int
    dropped: int

    @property
    def lost(self) -> int:
        """Entries that left the stream without having been settled."""
        return self.accepted - self.settled - self.waiting

    @property
    def repeated(self) -> int:
        """Entries whose click was a row already."""
        return self.settled - self.rows - self.dropped


@dataclass(frozen=True)
class Mismatch:
    """A pool whose rows and rollups disagree: counted and uncounted clicks of both."""

    pool_id: int
    rows: int
    uncounted_rows: int
    rolled_up: int
    uncounted_rolled_up: int


@dataclass(frozen=True)
class ClickCheck:
    """The whole comparison. `chain` is None before the first flush; `since` is where rows begin to be complete."""

    at: datetime
    since: datetime
    chain: StreamAudit | None
    pools: int
    clicks: int
    mismatches: tuple[Mismatch, ...]
    spooled_bytes: int

    @property
    def lost(self) -> int:
        """Clicks missing in either step; 0 is what it should be."""
        missing = sum(
            abs(one.rows - one.rolled_up) + abs(one.uncounted_rows - one.uncounted_rolled_up)
            for one in self.mismatches
        )
        return missing + (abs(self.chain.lost) if self.chain else 0)

    def as_json(self) -> dict[str, Any]:
        """For `/health/full` and the command."""
        chain = self.chain
        return {
            "at": iso(self.at),
            "since": iso(self.since),
            "lost": self.lost,
            "stream": {**asdict(chain), "repeated": chain.repeated, "lost": chain.lost} if chain else None,
            "pools": self.pools,
            "clicks": self.clicks,
            "mismatches": [asdict(one) for one in self.mismatches],
            "spooled_bytes": self.spooled_bytes,
        }


def check_clicks(platform: Platform, *, now: datetime | None = None) -> ClickCheck:
    """Compare log, rows and rollups; reads every kept click's index entry. Raises RedisError, Unavailable."""
    now = now or utc_now()
    # One hour on, because the hour at the edge is half deleted.
    since = hour_of(now - timedelta(days=platform.settings.clicks_retention_days)) + timedelta(hours=1)
    chain = check_stream(platform)
    with platform.database.reading() as session:
        found = _pools(session, since)
    wrong = tuple(one for one in found if _differs(one))
    return ClickCheck(
        at=now,
        since=since,
        chain=chain,
        pools=len(found),
        clicks=sum(one.rows + one.uncounted_rows for one in found),
        mismatches=wrong,
        spooled_bytes=Spool(platform.settings.data_dir / "spool").waiting_bytes(),
    )


def check_stream(platform: Platform) -> StreamAudit | None:
    """The first step alone, a few round trips; None while there is no ledger. Raises RedisError."""
    chain = None
    for _ in range(ATTEMPTS):
        chain = _chain(platform)
        if chain is None or chain.lost == 0:
            break
        time.sleep(PAUSE_SECONDS)
    return chain


def report(platform: Platform, found: ClickCheck) -> None:
    """Keep the result for `/health/full` and complain in the log when something is missing. Raises RedisError."""
    platform.redis.set(keys.click_check(), json.dumps(found.as_json()))
    if found.lost:
        logger.error("clicks are missing: %d", found.lost, extra={"check": found.as_json()})


def last_check(platform: Platform) -> dict[str, Any] | None:
    """The last result that was kept, and the stream's state now; None without either. Never raises for Redis."""
    try:
        chain = check_stream(platform)
        kept = platform.redis.get(keys.click_check())
    except RedisError:
        return None
    now = {**asdict(chain), "lost": chain.lost} if chain else None
    return {"stream_now": now, "last": json.loads(str(kept)) if kept else None}


def _chain(platform: Platform) -> StreamAudit | None:
    life = platform.redis.get(keys.click_life())
    with platform.database.reading() as session:
        ledger = session.get(ClickLedger, str(life)) if life else None
    if ledger is None:
        return None
    try:
        with platform.redis.pipeline(transaction=True) as pipe:
            pipe.xinfo_stream(keys.click_stream())
            pipe.xlen(keys.click_stream())
            pipe.xrange(keys.click_stream(), max=ledger.last_entry, count=UNACKNOWLEDGED)
            info, length, settled = pipe.execute()
    except ResponseError:  # no such key: somebody deleted the stream, and nobody knows with what in it
        return None
    return StreamAudit(
        accepted=int(info["entries-added"]) - ledger.before,
        settled=ledger.entries,
        waiting=int(length) - len(settled),
        rows=ledger.rows,
        dropped=ledger.dropped,
    )


def _pools(session: Session, since: datetime) -> list[Mismatch]:
    """Both sides in one statement, which sees one state of the tables while the flusher goes on."""
    counted = func.sum(case((Click.counted, 1), else_=0))
    rows = (
        select(literal("rows", String).label("side"), Click.pool_id, counted, func.count())
        .where(Click.at >= since)
        .group_by(Click.pool_id)
    )
    rollups = (
        select(
            literal("rollups", String).label("side"),
            ClickRollup.pool_id,
            func.sum(ClickRollup.clicks),
            func.sum(ClickRollup.clicks + ClickRollup.uncounted),
        )
        .where(ClickRollup.hour >= since)
        .group_by(ClickRollup.pool_id)
    )
    sides: dict[int, dict[str, tuple[int, int]]] = {}
    for side, pool_id, clicks, all_of_them in session.execute(union_all(rows, rollups)):
        sides.setdefault(pool_id, {})[side] = (int(clicks), int(all_of_them))
    found = []
    for pool_id, both in sorted(sides.items()):
        (rows_counted, rows_all), (rolled, rolled_all) = (
            both.get(side, (0, 0)) for side in ("rows", "rollups")
        )
        found.append(Mismatch(pool_id, rows_counted, rows_all - rows_counted, rolled, rolled_all - rolled))
    return found


def _differs(pool: Mismatch) -> bool:
    return (pool.rows, pool.uncounted_rows) != (pool.rolled_up, pool.uncounted_rolled_up)
