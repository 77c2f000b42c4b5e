"""From the stream of clicks to rows and rollups, with the effect of exactly once.

A batch is one transaction: rows (a known id adds nothing), rollups and totals of the rows that were new, bindings;
then the entries are acknowledged and deleted. A death in between repeats the batch, which then adds nothing.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from redis import Redis, ResponseError
from sqlalchemy.exc import IntegrityError

from services.core.metrics import CLICKS_FLUSHED, FUNNEL, REDIRECT_CHOICES
from services.fleet.health import clicked_bots
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, wake
from services.platform.redis.leases import Lease
from services.traffic.clicks.ledger import Batch, open_ledger
from services.traffic.clicks.lost import fold_lost
from services.traffic.clicks.refused import fold_refused
from services.traffic.clicks.rows import ClickRow, parse_entry, visited_bots
from services.traffic.clicks.store import store

logger = logging.getLogger(__name__)
GROUP: Final = "flusher"
CONSUMER: Final = (
    "flusher"  # always the same: under the lease a successor takes over what the former left pending
)
LEASE: Final = "clicks"
LEASE_SECONDS: Final = 10.0  # many times what a batch takes; after a kill the successor waits so long
BATCH: Final = 500
LONGEST_RUN_SECONDS: Final = 20.0
LATE_SECONDS: Final = 60  # how often starts that met no click are looked at again even without clicks
ATTEMPTS: Final = 3
Entry = tuple[str, dict[str, str]]


def wake_if_waiting(platform: Platform) -> bool:
    """Ring for the flusher when clicks wait (or once a minute); True when a job was queued. Raises RedisError."""
    late = platform.redis.set(keys.late_starts(), "1", nx=True, ex=LATE_SECONDS)
    if not late and not platform.redis.xlen(keys.click_stream()):
        return False
    return wake(platform.redis, platform.job_redis, JobName.FLUSH_CLICKS, "clicks")


def flush(platform: Platform) -> int:
    """Bring everything that waits to the database; how many clicks were new. 0 at once while another flusher works.

    Raises RedisError or Unavailable; whatever was not acknowledged is taken up by the next run.
    """
    lease = Lease.take(platform.redis, LEASE, ttl_seconds=LEASE_SECONDS)
    if lease is None:
        return 0
    try:
        return _flush_under(platform, lease)
    finally:
        platform.redis.delete(keys.wakeup("clicks", 0))
        lease.release()


def _flush_under(platform: Platform, lease: Lease) -> int:
    _ensure_group(platform.redis)
    life = open_ledger(platform)
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    flushed = 0
    source = "0"  # first what a former flusher read and did not finish
    while time.monotonic() < deadline and lease.renew():
        entries = _read(platform.redis, source)
        if entries:
            flushed += _settle(platform, life, entries)
        elif source == "0":
            source = ">"
        else:
            break
    fold_refused(platform)
    fold_lost(platform)
    if not flushed:
        store(platform, [])  # starts whose click came at the same moment
    return flushed


def _settle(platform: Platform, life: str, entries: Sequence[Entry]) -> int:
    """Store a batch, then acknowledge it."""
    rows = [row for entry in entries if (row := parse_entry(*entry)) is not None]
    identities = [identity for identity, _ in entries]
    inserted = _store_patiently(platform, rows, Batch(life, identities, len(entries) - len(rows)))
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.xack(keys.click_stream(), GROUP, *identities)
        pipe.xdel(keys.click_stream(), *identities)
        clicked_bots.remember(pipe, visited_bots(inserted))
        pipe.execute()
    CLICKS_FLUSHED.inc(len(inserted))
    FUNNEL.labels("click").inc(sum(row.counted for row in inserted))
    _count_choices(inserted)
    return len(inserted)


def _count_choices(rows: Sequence[ClickRow]) -> None:
    """Here and not at the click: a batch costs what a single one would."""
    for reason, count in Counter(row.reason for row in rows).items():
        strategy, _, tier = reason.rpartition("/")
        REDIRECT_CHOICES.labels(strategy, tier).inc(count)


def _store_patiently(platform: Platform, rows: Sequence[ClickRow], batch: Batch) -> list[ClickRow]:
    """`store`, again when an account or pool vanished between the look and the insert."""
    for attempt in range(ATTEMPTS):
        try:
            return store(platform, rows, batch)
        except IntegrityError:
            if attempt == ATTEMPTS - 1:
                raise
    return []


def _ensure_group(redis: Redis) -> None:
    try:
        redis.xgroup_create(keys.click_stream(), GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def _read(redis: Redis, source: str) -> list[Entry]:
    answer: Any = redis.xreadgroup(GROUP, CONSUMER, {keys.click_stream(): source}, count=BATCH)
    if not answer:
        return []
    streams = answer.values() if isinstance(answer, dict) else (entries for _, entries in answer)
    entries = [entry for part in streams for entry in _flat(part)]
    # An entry that was deleted while pending has no fields any more: acknowledge it with the rest.
    return [(str(identity), fields or {}) for identity, fields in entries]


def _flat(part: Any) -> list[Any]:
    return part[0] if part and isinstance(part[0], list) else part
