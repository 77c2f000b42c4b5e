"""One state of the database as a file, while everybody goes on writing; and back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import URL, text

from services.core.errors import ConfigurationError, Conflict, Unavailable
from services.core.i18n import Text
from services.platform.database import Database

STEP_PAGES: Final = 1024  # 4 MB, some milliseconds
PAUSE_SECONDS: Final = 0.002  # after each step: other processes want the disk and the processor too
BUSY_SECONDS: Final = 10.0


def copy_database(database: Database, target: Path) -> None:
    """Write the database, as it is at one moment, to `target`. Raises Unavailable, ConfigurationError without pg_dump."""
    if database.is_sqlite:
        _copy_sqlite(sqlite_file(database), target)
        return
    url = database.engine.url
    _run("pg_dump", url, ["--format=custom", "--compress=0", "--no-owner", "--no-acl", f"--file={target}"])


def put_database(database: Database, source: Path) -> None:
    """Make the database what `source` says; what it held before is gone.

    SQLite's file changes in one step. On PostgreSQL the schema is emptied in one transaction and filled in a second: a death
    in between, or a pg_restore that fails, leaves it empty, and doing it again mends that. It cannot be one transaction, as
    pg_restore drops only what is in its file: tables of another release would stay.

    Raises Unavailable, ConfigurationError without pg_restore.
    """
    database.dispose()
    if database.is_sqlite:
        _put_sqlite(source, sqlite_file(database))
        return
    _check_program("pg_restore")
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    options = ["--no-owner", "--no-acl", "--exit-on-error", "--single-transaction", "--schema=public"]
    _run(
        "pg_restore", database.engine.url, [*options, f"--dbname={database.engine.url.database}", str(source)]
    )


def sqlite_file(database: Database) -> Path:
    """Where the SQLite database lies."""
    return Path(str(database.engine.url.database).removeprefix("file:"))


def _copy_sqlite(source: Path, target: Path) -> None:
    """A reading transaction holds one state: without it each write elsewhere would start the copy anew."""
    try:
        with (
            closing(sqlite3.connect(source, isolation_level=None, timeout=BUSY_SECONDS)) as reader,
            closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            copy.execute("PRAGMA synchronous=OFF")  # whoever dies meanwhile has no backup anyway
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reader.backup(copy, pages=STEP_PAGES, progress=lambda *_: time.sleep(PAUSE_SECONDS))
            copy.execute("PRAGMA journal_mode=DELETE")  # the copy is one file, with no log beside it
    except sqlite3.Error as error:
        raise Unavailable(
            Text("The database could not be copied: {reason}", reason=str(error)),
            code="backup_database_failed",
        ) from error


def _put_sqlite(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.restored")
    shutil.copyfile(source, draft)
    draft.chmod(0o600)
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    for end in ("-wal", "-shm"):  # of the former database: it would be played into the new one
        target.with_name(target.name + end).unlink(missing_ok=True)
    draft.replace(target)


def _run(program: str, url: URL, arguments: list[str]) -> None:
    """The address goes by the environment: other people of this machine read command lines."""
    given: dict[str, object] = {
        "PGHOST": url.host,
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
    }
    given |= {"PGDATABASE": url.database, "PGSSLMODE": url.query.get("sslmode")}
    environ = {**os.environ, **{name: str(value) for name, value in given.items() if value}}
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL
        [_check_program(program), *arguments], env=environ, capture_output=True, text=True, check=False
    )
    if "version mismatch" in done.stderr:
        raise ConfigurationError(
            Text(
                "{program} is older than the server; install PostgreSQL's client programs of its version",
                program=program,
            ),
            code="postgres_client_old",
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["?"])[0]
        raise Unavailable(
            Text("{program} failed: {reason}", program=program, reason=reason), code="backup_database_failed"
        )


def _check_program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise ConfigurationError(
            Text(
                "{program} is not installed; install PostgreSQL's client programs of the server's version",
                program=name,
            ),
            code="postgres_client_missing",
        )
    return found


def check_same_kind(database: Database, kind: str) -> None:
    """Raise Conflict when a backup of another kind of database is to be put here."""
    here = database.engine.dialect.name
    if kind != here:
        raise Conflict(
            Text(
                "The backup is of {there}, DATABASE_URL is {here}; name a database of the same kind",
                there=kind,
                here=here,
            ),
            code="backup_other_database",
        )
