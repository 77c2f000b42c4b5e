"""A bot whose owner's program speaks to a real Valkey itself, and what serves it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from redis import Redis

from models import Bot
from services.core.settings import Settings
from services.fleet.workers.tokens import WorkerIdentity, resolve_worker
from services.messaging.workers.streams.serving import StreamServer
from services.messaging.workers.streams.watchlist import StreamTimings
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import WorkQueue
from tests.services.fleet.workers.conftest import Connect, connect, no_users_left, worker_bot  # noqa: F401
from tests.services.messaging.draining import QUICK, handle_all
from tools.servers.fleet import accept_all

AT_ONCE = StreamTimings(busy=0.0, at_work=0.001, waiting=0.001, late=0.0, sleeping=0.001, every=0.0)
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Program:
    """The program of a bot: what it asks Redis for."""

    redis: Redis
    worker: WorkerIdentity

    @property
    def incoming(self) -> str:
        return work_keys.incoming(self.worker.public_id)

    @property
    def group(self) -> str:
        return work_keys.group(self.worker.public_id)

    def read(
        self, after: str = ">", *, consumer: str = "one", noack: bool = False
    ) -> list[tuple[str, dict[str, str]]]:
        """What it is given."""
        wanted: Any = {self.incoming: after}
        found: Any = self.redis.xreadgroup(self.group, consumer, wanted, count=1000, noack=noack)
        pairs = found.items() if isinstance(found, dict) else found or ()
        return [
            entry for _, entries in pairs for entry in (entries[0] if isinstance(found, dict) else entries)
        ]

    def acknowledge(self, *entries: str) -> int:
        return int(self.redis.xack(self.incoming, self.group, *entries))

    def call(self, **fields: Any) -> str:
        """Want something called; the entry."""
        return self.write(fields)

    def write(self, fields: Any, entry: str = "*") -> str:
        """Append fields of any kind to `outgoing`; the entry."""
        return str(self.redis.xadd(work_keys.outgoing(self.worker.public_id), fields, id=entry))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Programs are let in; no limits per user."""
    return settings.model_copy(update={"worker_redis_url": settings.redis_url, "user_rate_per_minute": 0.0})


@pytest.fixture
def bot_and_token(platform: Platform) -> tuple[Bot, str]:
    return worker_bot(platform, 7001)


@pytest.fixture
def bot(bot_and_token: tuple[Bot, str]) -> Bot:
    return bot_and_token[0]


@pytest.fixture
def program(platform: Platform, bot_and_token: tuple[Bot, str], connect: Connect) -> Program:  # noqa: F811
    return Program(connect(*bot_and_token), resolve_worker(platform, bot_and_token[1]))


@pytest.fixture
def server(platform: Platform) -> StreamServer:
    return StreamServer(platform, AT_ONCE)


def serve(server: StreamServer, until: Callable[[], object]) -> None:
    """Let it work until something is so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not until():
        assert time.monotonic() < deadline
        server.turn()


def come(platform: Platform, bot: Bot, updates: Sequence[dict[str, Any]]) -> None:
    """People write, and the lanes hand it over."""
    accept_all(platform, bot, list(updates))
    handle_all(platform, timings=replace(QUICK, idle_timeout=0.05, read_timeout=0.05))


def lag(platform: Platform, program: Program) -> int:
    return WorkQueue(platform.redis, program.worker.bot_id, program.worker.public_id).lag()
