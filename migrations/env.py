"""Alembic's entry: the URL comes from our settings, the tables from models."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from models import Base
from services.core.environment import load_settings
from services.platform.database import Database


def run() -> None:
    """Upgrade on the connection handed in by the caller, or on one made from the environment."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    with Database(load_settings()).engine.connect() as fresh:
        _migrate(fresh)
        fresh.commit()


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()


run()
