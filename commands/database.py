"""`flask db`: Flask-Migrate's commands (upgrade, downgrade, check, current, history, migrate …), told in plain lines.

They are imported when one is asked for: a web process, which only carries the name, does without their 8 MB.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import g
from flask.cli import AppGroup, with_appcontext

from commands.failures import handle_errors
from services.core.redaction import redact_text
from services.platform import schema
from services.platform.numbering import keep_ahead
from web.platform import platform

CHANGING = ("upgrade", "downgrade", "stamp")
LOGGERS = ("flask_migrate", "migrations")


class Migrations(AppGroup):
    """The group `db` of Flask-Migrate."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All its commands."""
        return _flask_migrate().list_commands(context)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """One of them."""
        return _flask_migrate().get_command(context, name)

    @handle_errors
    def invoke(self, context: click.Context) -> object:
        """Run one; afterwards say where the database stands if it may have moved."""
        with _lines_on_the_terminal():
            result: object = super().invoke(context)
        if context.invoked_subcommand in CHANGING:
            keep_ahead(platform())
            click.echo(_standing())
        return result


@with_appcontext
def _begin() -> None:
    schema.set_up_migrations(platform())
    g.directory, g.x_arg = None, ()  # the options of Flask-Migrate's own group, which its commands look for


group = Migrations("db", callback=_begin, help="The database's schema: its migrations.")


def _flask_migrate() -> click.Group:
    from flask_migrate.cli import db  # noqa: PLC0415 - see above

    group: click.Group = db
    return group


def _standing() -> str:
    revision, newest = schema.revision(platform().database), schema.newest()
    if revision == newest:
        return f"The database is up to date, at {newest}."
    return f"The database is {f'at {revision}' if revision else 'empty'}; the newest migration is {newest}."


@contextmanager
def _lines_on_the_terminal() -> Iterator[None]:
    """What migrations log is for whoever runs the command: plain lines instead of JSON."""
    handler = _Terminal(logging.INFO)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(logging.INFO)
        logging.getLogger(name).propagate = False
    try:
        yield
    finally:
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(logging.NOTSET)
            logging.getLogger(name).propagate = True


class _Terminal(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        click.echo(redact_text(record.getMessage()), err=record.levelno >= logging.WARNING)
