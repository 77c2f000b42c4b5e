"""`flask db`: the schema from the command line."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from services.platform import schema
from web.platform import platform

group = AppGroup("db", help="The database's schema.")


@group.command("upgrade")
def upgrade() -> None:
    """Run all outstanding migrations; the release process of the Procfile."""
    schema.upgrade(platform().database)
    click.echo("The database is up to date.")
