"""The database: two kinds of session on the engine of this process's application (services/platform/application.py).

Writers on SQLite take the write lock at BEGIN IMMEDIATE and wait for it with a cooperative sleep: SQLite's own
busy handler would block every greenlet of the process. No network call may happen inside `transaction`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from services.core.errors import Unavailable

LOCK_PATIENCE_SECONDS = 10.0
LOCK_POLL_SECONDS = 0.005


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
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends well and rolls back when it does not."""
        with _mapped_errors(), self._writing() as session:
            if self.is_sqlite:
                begin_patiently(session, self.lock_patience)
            yield session
            session.commit()

    def ping(self) -> None:
        """One trivial query; raises Unavailable when the database does not answer."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """A lost or locked database becomes Unavailable; constraint errors pass to the use case that understands them."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error, OperationalError) or error.connection_invalidated:
            raise Unavailable(
                "The database does not answer; try again shortly", code="database_unavailable"
            ) from error
        raise


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
