"""Rows with an end: which are too old, deleted in small transactions, and counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Delete, delete, func, inspect, select, text, true, tuple_
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import InstrumentedAttribute, Session

from models import Base
from services.platform.platform import Platform

BATCH: Final = 1000  # rows of one transaction, a few milliseconds: nobody waits for it
PAUSE_SECONDS: Final = 0.02  # between batches, so that other writers of SQLite get their turn


@dataclass(frozen=True)
class Figures:
    """How much there is of a kind: rows or files, how many of them are too old, the oldest, bytes on disk where they are known."""

    number: int
    due: int
    oldest: datetime | None
    size: int | None


@dataclass(frozen=True)
class ExpiringRows:
    """The rows of `table` that go when `age` is too long ago and `condition` holds.

    `each` is the first column of the index that has `age` second: its values are gone through one by one, because only so
    the index finds the old ones.
    """

    table: type[Base]
    age: InstrumentedAttribute[Any]
    condition: ColumnElement[bool] = field(default_factory=true)
    each: InstrumentedAttribute[Any] | None = None

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        """Delete what is older than `before`, until `deadline` (of the monotonic clock); how many rows."""
        deleted = 0
        for part in self._parts(platform):
            deleted += in_batches(platform, deadline, lambda part=part: self._statement(part, before))  # type: ignore[misc]
        return deleted

    def figures(self, platform: Platform, session: Session, before: datetime | None) -> Figures:
        """What there is; with `before` None nothing is too old."""
        number, oldest = session.execute(
            select(func.count(), func.min(self.age)).select_from(self.table)
        ).one()
        due = 0
        if before is not None:
            query = select(func.count()).select_from(self.table).where(self.age < before, self.condition)
            due = session.scalar(query) or 0
        return Figures(number, due, oldest, table_bytes(session, self.table.__tablename__))

    def _parts(self, platform: Platform) -> Iterator[ColumnElement[bool]]:
        if self.each is None:
            yield true()
            return
        (key,) = self.each.property.columns[0].foreign_keys
        with platform.database.reading() as session:
            values = session.scalars(select(key.column).order_by(key.column)).all()
        yield from (self.each == value for value in values)

    def _statement(self, part: ColumnElement[bool], before: datetime) -> Delete:
        keys = inspect(self.table).primary_key
        old = select(*keys).where(part, self.age < before, self.condition).order_by(self.age).limit(BATCH)
        return delete(self.table).where(tuple_(*keys).in_(old))


def in_batches(platform: Platform, deadline: float, statement: Callable[[], Any]) -> int:
    """Run the deletion again and again, a transaction each, until it finds nothing or the time is over; how many rows."""
    deleted = 0
    while time.monotonic() < deadline:
        with platform.database.transaction() as session:
            result: Any = session.execute(statement().execution_options(synchronize_session=False))
        if not result.rowcount:
            break
        deleted += result.rowcount
        time.sleep(PAUSE_SECONDS)
    return deleted


def table_bytes(session: Session, table: str) -> int | None:
    """Bytes of a table with its indexes; None where the database does not say."""
    if session.get_bind().dialect.name != "sqlite":
        return session.scalar(select(func.pg_total_relation_size(table)))
    query = text(
        "SELECT sum(pgsize) FROM dbstat(NULL, 1) WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name = :table)"
    )
    try:
        size: int | None = session.scalar(query, {"table": table})
    except DatabaseError:  # an SQLite without `dbstat`
        return None
    return size


def database_bytes(session: Session) -> int:
    """Bytes of the whole database."""
    if session.get_bind().dialect.name != "sqlite":
        return session.scalar(select(func.pg_database_size(func.current_database()))) or 0
    pages, each = (session.scalar(text(f"PRAGMA {name}")) or 0 for name in ("page_count", "page_size"))
    return int(pages * each)
