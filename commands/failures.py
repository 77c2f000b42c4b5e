"""How a command says what went wrong: one line on stderr, exit code 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from sqlalchemy.exc import DBAPIError

from services.errors import FlotillaError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def told_in_one_line(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn our errors, and a database without our tables, into click's one line instead of a traceback."""

    @wraps(command)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return command(*args, **kwargs)
        except FlotillaError as error:
            raise click.ClickException(error.message) from error
        except DBAPIError as error:
            raise click.ClickException(
                "The database refuses; bring its tables up to date with `flask --app wsgi db upgrade`"
            ) from error

    return wrapper
