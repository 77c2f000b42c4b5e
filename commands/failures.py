"""How a command says what went wrong: one line on stderr, exit code 1."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from services.core.errors import FlotillaError
from services.platform.redis.trouble import redis_trouble

# SQLite tells a missing table like a lost file, PostgreSQL apart.
UPGRADE_HINT = "is it up to date? `flask --app wsgi db upgrade`"
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def handle_errors(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn our errors, a database without our tables and a Redis that is away into one line instead of a traceback."""

    @wraps(command)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return command(*args, **kwargs)
        except FlotillaError as error:
            hint = f" ({UPGRADE_HINT})" if error.code == "database_unavailable" else ""
            raise click.ClickException(error.message + hint) from error
        except RedisError as error:
            trouble = redis_trouble(error)
            hint = "; is the installation running?" if trouble.code == "redis_unavailable" else ""
            raise click.ClickException(trouble.message.removesuffix("; try again shortly") + hint) from error
        except DBAPIError as error:
            raise click.ClickException(f"The database refuses ({UPGRADE_HINT})") from error

    return wrapper
