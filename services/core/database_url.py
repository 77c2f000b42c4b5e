"""DATABASE_URL: what may stand there, and what SQLAlchemy is told."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg"}  # `postgres` is how Heroku says it


def is_database_url(value: str) -> bool:
    """Whether `value` is the address of a PostgreSQL, or of a file of SQLite: one in memory each process has for itself."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        return False
    return url.drivername in POSTGRESQL or (
        url.drivername == "sqlite" and url.database not in (None, "", ":memory:")
    )


def sqlalchemy_url(value: str, data_dir: Path) -> URL:
    """Psycopg 3 for PostgreSQL, SQLite by the file's whole path: `flotilla.db` in `data_dir` for an empty `value`.

    A relative path starts at the working directory, as DATA_DIR does; Flask-SQLAlchemy would look elsewhere.
    """
    url = make_url(value) if value else URL.create("sqlite", database=str(data_dir / "flotilla.db"))
    if url.drivername in POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    scheme = "file:" if "uri" in url.query else ""
    return url.set(database=scheme + str(Path((url.database or "").removeprefix(scheme)).absolute()))
