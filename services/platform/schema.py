"""Bringing the database's schema up to date.

Alembic is imported where it is needed, by the release process and the launcher: with its template engine it would cost
every web process 8 MB, only to compare two numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from services.platform.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

ROOT = Path(__file__).resolve().parents[2]
MIGRATION_LOCK = 0x666C6F74  # "flot": PostgreSQL advisory lock, so that two releases do not migrate at once


def upgrade(database: Database) -> None:
    """Run all outstanding migrations; safe to call from several processes at once."""
    from alembic import command  # noqa: PLC0415 - see above

    with database.engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Whether the database is at the newest migration this code knows."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == newest())


def newest() -> str:
    """The newest migration this code knows: they are numbered, and their files begin with the number."""
    return max(file.name.partition("_")[0] for file in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config
