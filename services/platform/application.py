"""The Flask application that every process has: configuration and database, nothing that answers (ADR 0018).

app.py puts the blueprints on it in web processes and for the command line; worker, clock, poller and the launcher take
their engine from it as it is. Flask-SQLAlchemy makes the engine; how SQLite is opened and begun is said here, as events
on it. Sessions are those of `Database`: `db.session` belongs to an application context, which greenlets do not inherit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, Connection, Engine, event

import models
from services.core.database_url import sqlalchemy_url
from services.core.lost_connections import LIBPQ, POSTGRESQL_SESSION
from services.core.settings import Settings

ROOT = Path(models.__file__).resolve().parent  # where templates/, static/ and migrations/ are

db = SQLAlchemy(metadata=models.Base.metadata)


def new_application(settings: Settings) -> Flask:
    """The application of a process on the database of `settings`. Connects to nothing."""
    app = Flask("app", root_path=str(ROOT), instance_path=str(settings.data_dir.resolve()))
    url = sqlalchemy_url(settings.database_url, settings.data_dir.resolve())
    app.config.update(
        SQLALCHEMY_DATABASE_URI=url,  # not text: shown anywhere, it hides its password
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings, url),
    )
    db.init_app(app)
    if url.get_backend_name() == "sqlite":
        event.listen(engine_of(app), "connect", _configure_sqlite)
        event.listen(engine_of(app), "begin", _begin_sqlite)
    else:
        event.listen(engine_of(app), "connect", _configure_postgresql)
    return app


def engine_of(app: Flask) -> Engine:
    """The engine that Flask-SQLAlchemy made for the application."""
    with app.app_context():
        return db.engine


def _engine_options(settings: Settings, url: URL) -> dict[str, Any]:
    """`hide_parameters`: an error would otherwise carry the values of its statement, hashes and names, into the log."""
    options = {
        "pool_size": settings.db_pool_size,
        "max_overflow": settings.db_max_overflow,
        "hide_parameters": True,
    }
    if url.get_backend_name() == "sqlite":
        return {**options, "connect_args": {"timeout": 0, "check_same_thread": False}}
    return {**options, "pool_pre_ping": True, "connect_args": {"connect_timeout": 5, **LIBPQ}}


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves; the driver's own habit begins too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _configure_postgresql(connection: Any, _record: object) -> None:
    wanted = ", ".join(
        f"set_config('{name}', '{value}', false)" for name, value in POSTGRESQL_SESSION.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {wanted}")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")
