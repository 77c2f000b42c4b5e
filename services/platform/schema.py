"""Bringing the database's schema up to date: Flask-Migrate on the application of the process (ADR 0018).

Flask-Migrate and Alembic are imported where they are needed, by the command line and the launcher: they would cost
every web process 8 MB, only to compare two numbers. What a migration runs in, its lock and its transaction, is said in
migrations/env.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from services.platform.application import ROOT, db
from services.platform.database import Database

if TYPE_CHECKING:
    from services.platform.platform import Platform

MIGRATIONS = ROOT / "migrations"


def upgrade(platform: Platform) -> None:
    """Run all outstanding migrations; safe to call from several processes at once. Raises Unavailable, nothing changed."""
    import flask_migrate  # noqa: PLC0415 - see above

    set_up_migrations(platform)
    with platform.app.app_context():
        flask_migrate.upgrade()


def set_up_migrations(platform: Platform) -> None:
    """Give the application of `platform` Flask-Migrate, once. A command `flask db` that is there already stays."""
    import flask_migrate  # noqa: PLC0415 - see above

    app = platform.app
    if "migrate" in app.extensions:
        return
    ours = app.cli.commands.get("db")
    flask_migrate.Migrate(app, db, directory=MIGRATIONS, compare_type=True, render_as_batch=True)
    if ours:
        app.cli.add_command(ours)


def is_behind(database: Database) -> bool:
    """Whether the database still waits for a migration this code knows.

    One that a newer release has migrated does not: until its last process has ended, the former release serves on the new schema,
    which was only added to (docs/upgrading.md).
    """
    found = revision(database)
    return found is None or found < newest()


def revision(database: Database) -> str | None:
    """The migration the database is at; None before the first."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def newest() -> str:
    """The newest migration this code knows: they are numbered, and their files begin with the number."""
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))
