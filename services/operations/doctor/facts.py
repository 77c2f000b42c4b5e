"""What several checks want to know, asked once: answers of Redis, processes, what is seen of us from outside."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import cached_property
from typing import Any, Final

from sqlalchemy import text

from models import Bot
from services.core.settings import Settings
from services.operations.doctor.echo import Echo, ask_ourselves
from services.platform.platform import Platform
from services.queueing.backlog import Backlog, backlogs
from services.queueing.heartbeats import Process, processes

ROUND_TRIPS: Final = 5
BUSY_SECONDS: Final = 5.0  # that a writer may take


class Facts:
    """Of one run. Each fact raises what its source raises: RedisError, Unavailable, OSError."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @property
    def settings(self) -> Settings:
        """Of this process."""
        return self.platform.settings

    @property
    def is_served(self) -> bool:
        """Whether this is a production installation, or one that is set up alike."""
        return self.settings.app_env.is_served

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return self.platform.database.engine.dialect.name == "sqlite"

    @cached_property
    def redis(self) -> dict[str, Any]:
        """INFO of the server, whole."""
        info: Any = self.platform.redis.info()
        return dict(info)

    @cached_property
    def redis_config(self) -> dict[str, str]:
        """CONFIG GET of everything; empty where a hosted server does not allow it."""
        found: Any = self.platform.redis.config_get("*")
        return {str(name): str(value) for name, value in found.items()}

    @cached_property
    def redis_seconds(self) -> float:
        """The fastest of some round trips to Redis."""
        return min(_timed(self.platform.redis.ping) for _ in range(ROUND_TRIPS))

    @cached_property
    def database_seconds(self) -> float:
        """The fastest of some round trips to the database."""
        with self.platform.database.engine.connect() as connection:
            return min(_timed(lambda: connection.execute(text("SELECT 1"))) for _ in range(ROUND_TRIPS))

    @cached_property
    def processes(self) -> list[Process]:
        """Those that beat lately."""
        return [process for process in processes(self.platform) if process.is_alive]

    @cached_property
    def backlogs(self) -> dict[str, Backlog]:
        """What waits, by queue."""
        return {backlog.queue: backlog for backlog in backlogs(self.platform)}

    @cached_property
    def bots(self) -> list[Bot]:
        """All bots of the installation."""
        with self.platform.database.reading() as session:
            return session.query(Bot).order_by(Bot.id).all()

    @cached_property
    def echo(self) -> Echo:
        """What comes back when we ask ourselves by WEBHOOK_BASE_URL, as Telegram would."""
        return ask_ourselves(self.platform)

    def value(self, statement: str, **values: Any) -> Any:
        """One value out of the database."""
        with self.platform.database.engine.connect() as connection:
            return connection.execute(text(statement), values).scalar()

    def pragma(self, pragma: str) -> None:
        """Set something of SQLite's file, on a connection of its own: ours are in a transaction, where it cannot be set."""
        with closing(
            sqlite3.connect(str(self.platform.database.engine.url.database), timeout=BUSY_SECONDS)
        ) as own:
            own.execute(f"PRAGMA {pragma}").fetchall()


def _timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
