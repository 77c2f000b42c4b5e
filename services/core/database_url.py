"""DATABASE_URL: what may stand there, and what SQLAlchemy is told."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from services.core.setting_urls import ENCODED, check_host, check_port

EXPECTED = "must look like postgresql://user:password@host:5432/name or sqlite:////path/file"
POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg"}  # `postgres` is how Heroku says it


def check_database_url(value: str) -> None:
    """Raises ValueError unless `value` is the address of a PostgreSQL, or of a file of SQLite, whose memory would be each process's own."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError(EXPECTED) from None
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        return
    if url.drivername not in POSTGRESQL:
        raise ValueError(EXPECTED)
    check_port(url.port)
    if "@" in (url.host or ""):
        raise ValueError(ENCODED)
    if url.host:  # without one libpq takes its socket
        check_host(url.host)


def sqlalchemy_url(value: str, data_dir: Path) -> URL:
    """Psycopg 3 for PostgreSQL, SQLite by the file's whole path: `flotilla.db` in `data_dir` for an empty `value`.

    A relative path starts at the working directory, as DATA_DIR does; Flask-SQLAlchemy would look elsewhere.
    """
    url = make_url(value) if value else URL.create("sqlite", database=str(data_dir / "flotilla.db"))
    if url.drivername in POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    scheme = "file:" if "uri" in url.query else ""
    return url.set(database=scheme + str(Path((url.database or "").removeprefix(scheme)).absolute()))
