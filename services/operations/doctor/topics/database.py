"""The database: reachable, whole, at the right schema, with room for all connections."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import text

from models import Base
from services.core.i18n import Text
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.operations.storage import storage_findings
from services.platform import schema

warning = partial(check, Topic.DATABASE, Severity.WARNING)
error = partial(check, Topic.DATABASE, Severity.ERROR)
OLDEST_POSTGRES: Final = 150_000
OLDEST_SQLITE: Final = (3, 35, 0)  # the first with RETURNING
SLOW_SECONDS: Final = 0.02
SKEW_SECONDS: Final = 2.0
LARGE_WAL: Final = 256 * 2**20
IDLE_SECONDS: Final = 300
MANY_ROWS: Final = 10_000
OF_OTHERS: Final = 2  # connections of a clock, a poller, a process of programs


def _postgres_only(facts: Facts) -> None:
    if facts.is_sqlite:
        raise NotApplicable


def _sqlite_only(facts: Facts) -> None:
    if not facts.is_sqlite:
        raise NotApplicable


@error(
    why=Text("Links keep redirecting, but nothing can be changed and bots do not answer."),
    advice=Text("See its log and its disk, and DATABASE_URL."),
)
def database_unwritable(facts: Facts) -> Text | None:
    """The database answers and takes writes."""
    facts.platform.database.ping()
    found = [finding for finding in storage_findings(facts.platform) if finding.code == "database_unwritable"]
    return found[0].sentence if found else None


@error(
    why=Text("Code and tables do not fit together: requests fail."),
    advice=Text("Run `flask --app wsgi db upgrade`, which the release process does."),
)
def schema_outdated(facts: Facts) -> Text | None:
    """The schema is the newest that this release knows."""
    there, known = schema.revision(facts.platform.database) or "none", schema.newest()
    return (
        Text("The schema is {there}, this release has {known}", there=there, known=known)
        if there < known or there == "none"
        else None
    )


@error(
    why=Text("A release older than its database may write what the newer one does not understand."),
    advice=Text("Start the newer release again; nothing has to be changed in the database."),
)
def schema_newer(facts: Facts) -> Text | None:
    """The schema is not of a newer release."""
    there, known = schema.revision(facts.platform.database), schema.newest()
    return (
        Text("The schema is {there}, this release knows {known}", there=there, known=known)
        if there and there > known
        else None
    )


@error(
    why=Text("What this release asks for is not in it."),
    advice=Text("Upgrade to PostgreSQL 15 or newer, or to SQLite 3.35 or newer."),
)
def database_old(facts: Facts) -> Text | None:
    """The database is new enough."""
    if facts.is_sqlite:
        version = str(facts.value("SELECT sqlite_version()"))
        old = tuple(map(int, version.split("."))) < OLDEST_SQLITE
        return Text("SQLite is {version}", version=version) if old else None
    number = int(facts.value("SHOW server_version_num"))
    return Text("PostgreSQL is {version}", version=number // 10_000) if number < OLDEST_POSTGRES else None


@error(
    why=Text("Without it every reader waits for every writer, and a crash may cost the last minutes."),
    advice=Text(
        "Every connection asks for it; a disk over the network refuses it: put DATA_DIR on a local one."
    ),
)
def sqlite_without_wal(facts: Facts) -> Text | None:
    """SQLite writes ahead."""
    _sqlite_only(facts)
    mode = facts.value("PRAGMA journal_mode")
    return None if mode == "wal" else Text("journal_mode is {mode}", mode=str(mode))


@error(
    why=Text("Rows that belong to nothing stay behind, and the next tenant may get a former one's."),
    advice=Text("This is a fault of the release: tell its makers."),
)
def foreign_keys_off(facts: Facts) -> Text | None:
    """The database holds to foreign keys."""
    _sqlite_only(facts)
    return None if facts.value("PRAGMA foreign_keys") else Text("foreign_keys is off")


@error(
    why=Text("What is damaged is lost sooner or later, and backups made from now on are damaged too."),
    advice=Text("Stop everything, keep a copy of the file, and restore the last backup. Look at the disk."),
)
def database_damaged(facts: Facts) -> Text | None:
    """The file of the database is whole."""
    _sqlite_only(facts)
    found = str(facts.value("PRAGMA quick_check(1)"))
    return None if found == "ok" else Text("SQLite says: {reason}", reason=found[:200])


@error(
    why=Text("Rows that point to nothing make pages and jobs fail."),
    advice=Text(
        "Somebody changed the file by hand, or with foreign keys off: restore a backup, or delete the rows that SQLite names."
    ),
)
def rows_without_owner(facts: Facts) -> Text | None:
    """Every row points to one that is there."""
    _sqlite_only(facts)
    with facts.platform.database.engine.connect() as connection:
        first = connection.execute(text("PRAGMA foreign_key_check")).first()
    return Text("A row of {table} points to nothing", table=first[0]) if first else None


def _fold_log(facts: Facts) -> None:
    facts.pragma("wal_checkpoint(TRUNCATE)")


@warning(
    why=Text("Every reader looks through it: pages become slow, and the disk fills."),
    advice=Text("Some reader holds an old view for hours; a restart of the processes ends it."),
    remedy=_fold_log,
)
def sqlite_log_large(facts: Facts) -> Text | None:
    """SQLite's log is folded into its file in time."""
    _sqlite_only(facts)
    log = Path(f"{facts.platform.database.engine.url.database}-wal")
    size = log.stat().st_size if log.exists() else 0
    return Text("The log has {n} MB", n=size // 2**20) if size > LARGE_WAL else None


@warning(
    why=Text("Under load the server refuses connections, and requests fail that would only have waited."),
    advice=Text(
        "Raise max_connections, or lower DB_POOL_SIZE, which counts for each web process and worker; DB_MAX_OVERFLOW comes on top under load."
    ),
)
def connections_too_few(facts: Facts) -> Text | None:
    """The server has connections for all processes."""
    _postgres_only(facts)
    there, each = int(facts.value("SHOW max_connections")), facts.settings.db_pool_size
    busy = sum(process.service in ("web", "worker") for process in facts.processes)
    wanted = busy * each + (len(facts.processes) - busy) * OF_OTHERS
    if wanted <= there:
        return None
    return Text(
        "The processes keep {wanted} connections, the server allows {there}", wanted=wanted, there=there
    )


@error(
    why=Text("Names and texts in other scripts and emoji cannot be kept."),
    advice=Text("Make a database with ENCODING 'UTF8' and move the data."),
)
def database_not_unicode(facts: Facts) -> Text | None:
    """The database keeps every script."""
    _postgres_only(facts)
    encoding = str(facts.value("SHOW server_encoding"))
    return None if encoding == "UTF8" else Text("Its encoding is {encoding}", encoding=encoding)


@warning(
    why=Text("A fault in one query could then change the server itself, and other databases on it."),
    advice=Text("Give DATABASE_URL a role that owns this database and nothing else."),
)
def database_role_too_mighty(facts: Facts) -> Text | None:
    """The role at the database is no superuser."""
    _postgres_only(facts)
    if not facts.is_served:
        raise NotApplicable
    mighty = facts.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    return Text("DATABASE_URL signs in as a superuser") if mighty else None


@warning(
    why=Text("Every page and every job waits for it several times."),
    advice=Text("Put the processes and the database into one data centre, and look at the server's load."),
)
def database_slow(facts: Facts) -> Text | None:
    """A round trip to the database is short."""
    seconds = facts.database_seconds
    return Text("A round trip takes {ms} ms", ms=round(seconds * 1000)) if seconds > SLOW_SECONDS else None


@warning(
    why=Text("Sessions, holds of bots and analytics compare its time with ours."),
    advice=Text("Have both machines keep their time by NTP."),
)
def database_clock(facts: Facts) -> Text | None:
    """The database's clock agrees with ours."""
    _postgres_only(facts)
    began = time.time()
    theirs = float(facts.value("SELECT extract(epoch FROM clock_timestamp())"))
    skew = theirs - (began + time.time()) / 2
    return Text("It is {n} s off", n=round(skew, 1)) if abs(skew) > SKEW_SECONDS else None


@warning(
    why=Text("It keeps old rows from being cleared, and a migration waits for it."),
    advice=Text("End it with pg_terminate_backend, and find who leaves transactions open."),
)
def transaction_left_open(facts: Facts) -> Text | None:
    """No transaction stands open for minutes."""
    _postgres_only(facts)
    seconds = facts.value(
        "SELECT max(extract(epoch FROM now() - state_change)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    return Text("One has been open for {n} s", n=round(seconds)) if (seconds or 0) > IDLE_SECONDS else None


def _analyze(facts: Facts) -> None:
    with facts.platform.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


@warning(
    why=Text("Without statistics the database chooses slow ways through large tables."),
    advice=Text("Run ANALYZE, and see that autovacuum is on."),
    remedy=_analyze,
)
def no_statistics(facts: Facts) -> Text | None:
    """The database knows its large tables."""
    if facts.is_sqlite:
        newest = ("SELECT max(rowid) FROM clicks", "SELECT max(rowid) FROM leads")
        rows = max(int(facts.value(statement) or 0) for statement in newest)
        known = facts.value("SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'")
        return (
            Text("There are {n} rows and no statistics", n=rows) if rows > MANY_ROWS and not known else None
        )
    table = facts.value(
        "SELECT relname FROM pg_stat_user_tables WHERE n_live_tup > :many"
        " AND last_analyze IS NULL AND last_autoanalyze IS NULL LIMIT 1",
        many=MANY_ROWS,
    )
    return Text("Nothing is known of {table}", table=table) if table else None


@error(
    why=Text("What needs it fails."),
    advice=Text("Run `flask --app wsgi db upgrade`; if the schema is said to be current, restore a backup."),
)
def tables_missing(facts: Facts) -> Text | None:
    """All tables are there."""
    known = {table.name for table in Base.metadata.sorted_tables}
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if facts.is_sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = ANY(current_schemas(false))"
    )
    with facts.platform.database.engine.connect() as connection:
        there = {str(name) for (name,) in connection.execute(text(query))}
    missing = sorted(known - there)
    return Text("{table} is missing", table=missing[0]) if missing else None
