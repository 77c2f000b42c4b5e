"""Numbers of rows are given once, also where the database goes back in time while Redis does not.

A backup that is restored, or a database that is begun anew beside an old Redis, would number new rows like former ones,
of which streams, outboxes, conversations and the spool may still speak. So Redis holds how far each table has come.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from redis import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from models import Base
from services.core.errors import ConfigurationError, Unavailable
from services.platform.database import Database
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
MARGIN: Final = 10_000  # for numbers given after Redis was told the last time, a minute before at most
READ_SQLITE: Final = "SELECT name, seq FROM sqlite_sequence"
READ_POSTGRESQL: Final = """SELECT left(sequencename, -length('_id_seq')), last_value FROM pg_sequences
WHERE schemaname = current_schema() AND sequencename LIKE '%\\_id\\_seq' AND last_value IS NOT NULL"""


def keep_ahead(platform: Platform) -> list[str]:
    """Let every table go on above the numbers that Redis saw it give, and tell Redis the present ones; the tables raised.

    After a migration and once a minute. A missing Redis or database is only logged: the next call makes up for it.
    """
    try:
        known = platform.redis.hgetall(keys.given_numbers()).items()
        seen = {str(name): int(number) for name, number in known if str(name) in Base.metadata.tables}
        with platform.database.reading() as session:
            given = _given(session, platform.database)
        behind = {name: number + MARGIN for name, number in seen.items() if number > given.get(name, 0)}
        if behind:
            logger.warning(
                "the database is older than Redis: numbers go on above", extra={"tables": sorted(behind)}
            )
            with platform.database.transaction() as session:
                _raise(session, platform.database, behind)
        with platform.redis.pipeline(transaction=True) as pipe:
            for name, number in {**given, **behind}.items():
                pipe.hset(keys.given_numbers(), name, str(number))
            pipe.execute()
    except (RedisError, Unavailable, ConfigurationError) as error:  # the last: no Redis is known here
        logger.warning("numbers not compared with Redis: %s", type(error).__name__)
        return []
    return sorted(behind)


def _given(session: Session, database: Database) -> dict[str, int]:
    """The last number that each table gave."""
    query = text(READ_SQLITE if database.is_sqlite else READ_POSTGRESQL)
    return {str(name): int(number) for name, number in session.execute(query)}


def _raise(session: Session, database: Database, numbers: Mapping[str, int]) -> None:
    values = [{"name": name, "number": number} for name, number in sorted(numbers.items())]
    if not database.is_sqlite:
        query = (
            "SELECT setval(pg_get_serial_sequence(:name, 'id'), :number) WHERE to_regclass(:name) IS NOT NULL"
        )
        for value in values:
            session.execute(text(query), value)
        return
    session.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
    session.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), values)
