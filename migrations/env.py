"""Flask-Migrate's entry: how a migration reaches the database of the application (`flask db …`, `make run`, the tests).

All steps of a command are one transaction that no other migration runs beside: an upgrade happens as a whole or not at
all. PostgreSQL takes an advisory lock, so that two releases do not migrate at once; SQLite its write lock.

On PostgreSQL whoever wants to change a table waits until everybody who reads it is done, and all who come later wait behind him. So a
migration waits half a second for a table, then takes everything back, lets the traffic pass, and begins again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationInfo
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from services.core.errors import Unavailable
from services.core.i18n import Text
from services.core.redaction import redact_text
from services.platform.database import begin_patiently

logger = logging.getLogger("migrations")
MIGRATION_LOCK = 0x666C6F74  # "flot": the number of PostgreSQL's advisory lock
# Under PostgreSQL's deadlock_timeout of 1 s: where both stand in each other's way it is the migration that gives way.
LOCK_TIMEOUT = "500ms"
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for that
PAUSE_SECONDS = 1.0  # between attempts, for whoever waited meanwhile
PATIENCE_SECONDS = 300.0
OFFLINE = "--sql is not possible: some migrations read the tables they change"


def run() -> None:
    """Run what the command asks for. Raises Unavailable when the database does not do it; nothing was changed then."""
    if context.is_offline_mode():
        raise CommandError(OFFLINE)
    try:
        _attempt_until(time.monotonic() + PATIENCE_SECONDS)
    except (SQLAlchemyError, CommandError) as error:
        raise Unavailable(
            Text("The database could not be migrated, nothing was changed: {reason}", reason=_explain(error)),
            code="migration_failed",
        ) from error


def _attempt_until(deadline: float) -> None:
    """Attempt it again while a table is busy, until `deadline` (monotonic s)."""
    while True:
        try:
            _attempt()
            return
        except OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            logger.warning("A table is in use for long: everything taken back, again in %g s", PAUSE_SECONDS)
            time.sleep(PAUSE_SECONDS)


def _attempt() -> None:
    """All steps, or none."""
    extension = current_app.extensions["migrate"]
    with _alone_on(extension.db.engine) as connection:
        context.configure(
            connection=connection,
            target_metadata=extension.db.metadata,
            on_version_apply=_tell,
            process_revision_directives=_number,
            **extension.configure_args,
        )
        before = context.get_context().get_current_heads()
        context.run_migrations()
        if context.get_context().get_current_heads() != before:
            _check_foreign_keys(connection)


def _is_busy(error: OperationalError) -> bool:
    """Whether somebody holds a table for longer than a migration waits for it."""
    return getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE


@contextmanager
def _alone_on(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction, kept when the block ends well."""
    with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection:
        if engine.dialect.name == "sqlite":
            _let_tables_be_made_anew(connection)
            with Session(connection) as session:
                begin_patiently(session)
                yield connection
                session.commit()
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            connection.execute(
                text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            )  # not for the other release
            yield connection
            connection.commit()


def _let_tables_be_made_anew(connection: Connection) -> None:
    """SQLite changes many things by making a table anew, and dropping the old one would delete whatever points to it.

    Nor would it give the new one the old one's name while a trigger of another table speaks of it, as the audit trail's does of
    accounts, unless it leaves triggers unread. Before BEGIN, inside a transaction the first does nothing; the connection
    is nobody else's afterwards.
    """
    connection.detach()
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.execute("PRAGMA legacy_alter_table=ON")


def _check_foreign_keys(connection: Connection) -> None:
    """What SQLite did not watch meanwhile."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.execute(text("PRAGMA foreign_key_check")).first()
    if broken:
        raise CommandError(f"a row of {broken.table} points to one of {broken.parent} that is not there")


def _tell(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:
    """A line for each step, within a transaction that may still fail."""
    script = step.up_revision
    if isinstance(script, Script) and not step.is_stamp:
        logger.info("%s %s: %s", "up to" if step.is_upgrade else "down from", script.revision, script.doc)


def _number(_context: object, _revision: object, scripts: list[MigrationScript]) -> None:
    """New migrations are numbered, and none is made where nothing was changed."""
    is_empty = scripts[0].upgrade_ops is None or scripts[0].upgrade_ops.is_empty()
    if is_empty and getattr(context.config.cmd_opts, "autogenerate", False):
        scripts.clear()
        logger.info("The tables are as the models say: no migration was made.")
    head = ScriptDirectory.from_config(context.config).get_current_head()
    for script in scripts:
        script.rev_id = f"{int(head or 0) + 1:04}"


def _explain(error: Exception) -> str:
    """One line for whoever started this; the database's own errors come with a statement, a lost one without."""
    reason = redact_text(str(getattr(error, "orig", None) or error).partition("\n")[0]).rstrip(".")
    if isinstance(error, OperationalError) and error.statement is None:
        reason += ". Is DATABASE_URL right, and the database up?"
    elif isinstance(error, OperationalError) and _is_busy(error):
        reason = (
            "a table was in use for too long. End what reads it (pg_stat_activity names it), and try again"
        )
    elif "Can't locate revision" in reason:
        reason += "; if a newer release migrated it, start that one, or restore the backup made before it"
    return reason


run()
