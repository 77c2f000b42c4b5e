"""Flask-Migrate's entry: how a migration reaches the database of the application (`flask db …`, `make run`, the tests).

All steps of a command are one transaction that no other migration runs beside: an upgrade happens as a whole or not at
all. PostgreSQL takes an advisory lock, so that two releases do not migrate at once; SQLite its write lock.
"""

from __future__ import annotations

import logging
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
OFFLINE = "--sql is not possible: some migrations read the tables they change"


def run() -> None:
    """Run what the command asks for. Raises Unavailable when the database does not do it; nothing was changed then."""
    if context.is_offline_mode():
        raise CommandError(OFFLINE)
    extension = current_app.extensions["migrate"]
    try:
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
    except (SQLAlchemyError, CommandError) as error:
        raise Unavailable(
            Text("The database could not be migrated, nothing was changed: {reason}", reason=_explain(error)),
            code="migration_failed",
        ) from error


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
    elif "Can't locate revision" in reason:
        reason += "; if a newer release migrated it, start that one, or restore the backup made before it"
    return reason


run()
