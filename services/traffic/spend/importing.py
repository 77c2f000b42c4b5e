"""The work at an import: the whole table is read and added up first, then written in steps, each a transaction.

Nothing is written of a table with a mistake. How far it came is committed with each step, so whatever dies is gone on with.
"""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models import ImportStatus, SpendImport, SpendImportPart
from services.core.resting import rest
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, wake
from services.traffic.spend.adding_up import AddedUp
from services.traffic.spend.fields import Layout
from services.traffic.spend.reading import Cost, Problem, lines_of, read_costs
from services.traffic.spend.writing import AT_ONCE, write_costs

logger = logging.getLogger(__name__)
MOST_PROBLEMS: Final = 100  # named; reading ends with them
MOST_ROWS: Final = 2_000_000  # days of ads and campaigns in one import
LINES_AT_ONCE: Final = 50  # that are read without a look at the clock
TICK_SECONDS: Final = 5.0
UNDER_WAY: Final = (ImportStatus.READING, ImportStatus.WRITING)
NEVER: Final = threading.Event()


def go_on(platform: Platform, import_id: int, stopping: threading.Event = NEVER) -> None:
    """Read and write an import, or what is left of it, until its end or the process is `stopping`; at once over when
    somebody else is at it. Raises RedisError.

    Imports of an account are written in the order in which they were brought: the later one is to replace the earlier one.
    """
    held = platform.leases.take(_lease(import_id))
    if held is None:
        return
    try:
        _go_on(platform, import_id, stopping)
    finally:
        held.release()


def _go_on(platform: Platform, import_id: int, stopping: threading.Event) -> None:
    with platform.database.reading() as session:
        one = session.get(SpendImport, import_id)
        if one is None or one.status not in UNDER_WAY or _waits(session, one):
            return
        layout, written = Layout.model_validate(one.layout), one.written
    with AddedUp() as table:
        lines, problems = _read(platform, import_id, layout, table, stopping)
        if stopping.is_set() or not _begin_writing(platform, import_id, table, lines, problems):
            return
        since = time.monotonic()
        for batch in table.batches(AT_ONCE, written):
            if stopping.is_set() or not _write(platform, import_id, written, batch):
                return
            written += len(batch)
            since = rest(since)
    _end(platform, import_id)


def wake_if_importing(platform: Platform) -> None:
    """Ring for imports that nobody is at and that are not at their end."""
    with platform.database.reading() as session:
        waiting = select(func.min(SpendImport.id)).where(SpendImport.status.in_(UNDER_WAY))
        first = session.scalars(waiting.group_by(SpendImport.account_id)).all()
    for import_id in first:
        if not platform.redis.exists(keys.lease(_lease(import_id))):
            wake(platform.redis, platform.job_redis, JobName.IMPORT_SPEND, "spend", import_id)


def _lease(import_id: int) -> str:
    return f"spend:{import_id}"


def _waits(session: Session, one: SpendImport) -> bool:
    earlier = select(SpendImport.id).where(
        SpendImport.account_id == one.account_id,
        SpendImport.id < one.id,
        SpendImport.status.in_(UNDER_WAY),
    )
    return session.scalar(earlier.limit(1)) is not None


def _read(
    platform: Platform, import_id: int, layout: Layout, table: AddedUp, stopping: threading.Event
) -> tuple[int, list[Problem]]:
    """Add up the whole table; how many of its lines cost something, and what is wrong with it."""
    lines, problems, since = 0, list[Problem](), time.monotonic()
    for found in read_costs(lines_of(_content(platform, import_id)), layout):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            lines += 1
            table.add(found)
        if len(problems) >= MOST_PROBLEMS or table.is_too_much or stopping.is_set():
            break
        if not lines % LINES_AT_ONCE:
            since = rest(since)
    if table.is_too_much:
        problems.append(Problem(lines + layout.header_line, layout.amount, "spend_too_much"))
    if not problems and not lines:
        problems.append(Problem(layout.header_line, "", "spend_empty"))
    if not problems and (key := table.mixed()):
        problems.append(Problem(0, layout.currency, "spend_two_currencies", " / ".join(map(str, key))[:100]))
    if not problems and len(table) > MOST_ROWS:
        problems.append(Problem(0, layout.until, "spend_rows_many"))
    return lines, problems


def _content(platform: Platform, import_id: int) -> Iterator[str]:
    number = 0
    while True:
        with platform.database.reading() as session:
            part = session.get(SpendImportPart, (import_id, number))
        if part is None:
            return
        yield zlib.decompress(part.content).decode()
        number += 1


def _begin_writing(
    platform: Platform, import_id: int, table: AddedUp, lines: int, problems: list[Problem]
) -> bool:
    """Note what was read; whether it is to be written."""
    with platform.database.transaction() as session:
        one = session.get(SpendImport, import_id, with_for_update=True)
        if one is None or one.status not in UNDER_WAY:
            return False
        if problems:
            one.problems = [asdict(each) for each in problems]
            _finish(session, one, ImportStatus.FAILED)
            return False
        one.status = ImportStatus.WRITING
        one.lines, one.rows, one.sums = lines, len(table), dict(sorted(table.sums.items()))
    return True


def _write(platform: Platform, import_id: int, written: int, batch: Sequence[Cost]) -> bool:
    """A step; False when somebody else is at it, or it was deleted."""
    with platform.database.transaction() as session:
        one = session.get(SpendImport, import_id, with_for_update=True)
        if one is None or one.status != ImportStatus.WRITING or one.written != written:
            return False
        one.replaced += write_costs(session, one, batch)
        one.written += len(batch)
    return True


def _end(platform: Platform, import_id: int) -> None:
    with platform.database.transaction() as session:
        one = session.get(SpendImport, import_id, with_for_update=True)
        if one is not None and one.status == ImportStatus.WRITING and one.written == one.rows:
            _finish(session, one, ImportStatus.DONE)
            logger.info("costs imported", extra={"import": import_id, "rows": one.rows})


def _finish(session: Session, one: SpendImport, status: ImportStatus) -> None:
    one.status, one.ended_at = status, utc_now()
    session.execute(delete(SpendImportPart).where(SpendImportPart.import_id == one.id))
