"""Wait until the database has the schema that this code needs: `python -m launch.schema_wait [--seconds 3600]`.

For containers that start beside the migration, in whatever order. A schema that is newer will do, as old code runs beside new during a
release. Exit codes: 0 it is there, 1 it did not come in time, 2 the configuration is wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from services.core.environment import settings_or_exit
from services.core.errors import Unavailable
from services.platform import schema
from services.platform.platform import Platform

LOOK_SECONDS = 1.0


def wait(platform: Platform, seconds: float) -> str:
    """ "" once the schema is there, else what is missing after so long."""
    deadline = time.monotonic() + seconds
    while missing := _missing(platform):
        if time.monotonic() >= deadline:
            return missing
        time.sleep(LOOK_SECONDS)
    return ""


def _missing(platform: Platform) -> str:
    try:
        found, needed = schema.revision(platform.database), schema.newest()
    except (Unavailable, SQLAlchemyError):
        return "the database does not answer"
    if found is None or found < needed:
        return f"the database's schema is {found or 'missing'}, {needed} is needed: run flask --app wsgi db upgrade"
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Wait, say what is missing where it does not come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    options = parser.parse_args(arguments)
    missing = wait(Platform(settings_or_exit()), options.seconds)
    if missing:
        print(missing, file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
