"""The database: two kinds of session on the engine of this process's application (services/platform/application.py).

Writers on SQLite take the write lock at BEGIN IMMEDIATE and wait for it with a cooperative sleep: SQLite's own
busy handler would block every greenlet of the process. No network call may happen inside `transaction`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Engine, String, bindparam, func, literal_column, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session, sessionmaker

from services.core.errors import Unavailable

LOCK_PATIENCE_SECONDS = 10.0
LOCK_POLL_SECONDS = 0.005
PROBE_PATIENCE_SECONDS = 1.0  # a lock that is held longer means that somebody writes
READ_ONLY = "25006"  # PostgreSQL's code for a standby, or a database that was made read-only
# Both cost a page of the log, as any commit does. While a migration holds the row the second changes none.
WRITE_NOTHING = {
    "sqlite": "UPDATE alembic_version SET version_num = version_num",
    "postgresql": "UPDATE alembic_version SET version_num = version_num WHERE version_num IN "
    "(SELECT version_num FROM alembic_version FOR UPDATE SKIP LOCKED)",
}


def insert_of(session: Session, table: type[Any]) -> Any:
    """INSERT of the dialect at hand: only these know ON CONFLICT."""
    return insert_by(session.get_bind().dialect.name, table)


def insert_by(dialect: str, table: type[Any]) -> Any:
    """The same for a statement that is built once for each dialect, by its name, and run often."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def among(session: Session, columns: Sequence[Any], rows: Iterable[Sequence[Any]]) -> ColumnElement[bool]:
    """Whether these columns of one table, each a number, a text or a day, are one of `rows`: found by their index on both databases.

    For (a, b) IN (...) of more than one row SQLite reads the whole table, or goes by the first columns; a join with the rows as
    JSON goes by all.
    """
    dialect = session.get_bind().dialect.name
    return among_named(dialect, columns, named_rows(dialect, rows))


def named_rows(dialect: str, rows: Iterable[Sequence[Any]]) -> Any:
    """Rows as the value of the parameter of `among_named`."""
    if dialect == "sqlite":
        return json.dumps([list(row) for row in rows], default=date.isoformat)
    return [tuple(row) for row in rows]


def rows_parameter(dialect: str, name: str) -> Any:
    """The parameter for `among_named` of a statement that is built once."""
    return bindparam(name, type_=String) if dialect == "sqlite" else bindparam(name, expanding=True)


def among_named(dialect: str, columns: Sequence[Any], named: Any) -> ColumnElement[bool]:
    """See `among`; `named` is what `named_rows` gives, or a `rows_parameter` that it is given for later."""
    if dialect != "sqlite":
        return tuple_(*columns).in_(named)
    name = columns[0].table.name
    twin = columns[0].table.alias(f"named_{name}")
    listed = func.json_each(named).table_valued("value")
    same = [
        twin.c[column.name] == func.json_extract(listed.c.value, f"$[{place}]")
        for place, column in enumerate(columns)
    ]
    found: Any = select(literal_column(f"named_{name}.rowid")).select_from(listed, twin).where(*same)
    return literal_column(f"{name}.rowid").in_(found)


class Database:
    """Sessions for reading and for writing on one engine. Creating it connects to nothing.

    A writer waits `lock_patience` seconds for SQLite's single write lock.
    """

    def __init__(self, engine: Engine, *, lock_patience: float = LOCK_PATIENCE_SECONDS) -> None:
        self.engine = engine
        self.lock_patience = lock_patience
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        writer = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        self._reading = sessionmaker(self.engine, expire_on_commit=False)
        self._writing = sessionmaker(writer, expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for queries; whatever it changed is rolled back."""
        with _mapped_errors(), self._reading() as session:
            yield session

    @contextmanager
    def transaction(self, *, patience: float | None = None) -> Iterator[Session]:
        """A session that commits when the block ends well and rolls back when it does not.

        `patience`: seconds to wait for SQLite's write lock instead of `lock_patience`.
        """
        with _mapped_errors(), self._writing() as session:
            if self.is_sqlite:
                begin_patiently(session, self.lock_patience if patience is None else patience)
            yield session
            session.commit()

    def ping(self) -> None:
        """One trivial query; raises Unavailable when the database does not answer."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def check_writable(self) -> None:
        """Commit a change that changes nothing. Raises Unavailable when a commit is refused: a full disk, a read-only database."""
        try:
            with self.transaction(patience=PROBE_PATIENCE_SECONDS) as session:
                session.execute(text(WRITE_NOTHING[self.engine.dialect.name]))
        except Unavailable as error:
            if "locked" not in str(error.__cause__):
                raise

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """A lost, locked or overrun database becomes Unavailable; constraint errors pass to the use case that understands them."""
    try:
        yield
    except DBAPIError as error:
        refused = getattr(error.orig, "sqlstate", None) == READ_ONLY
        if isinstance(error, OperationalError) or error.connection_invalidated or refused:
            raise Unavailable(
                "The database does not answer; try again shortly", code="database_unavailable"
            ) from error
        raise
    except PoolTimeoutError as error:
        raise Unavailable(
            "The database does not answer; try again shortly", code="database_unavailable"
        ) from error


def begin_patiently(session: Session, patience: float = LOCK_PATIENCE_SECONDS) -> None:
    """Begin the session's transaction as soon as SQLite's write lock is free, within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            session.connection()
            return
        except OperationalError as error:
            session.rollback()
            if "locked" not in str(error.orig) or time.monotonic() > deadline:
                raise
            time.sleep(LOCK_POLL_SECONDS)
