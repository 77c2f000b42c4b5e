"""Connections that are dead without a word: nobody waits for them as long as the system would."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from redis import Redis, RedisError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.core.errors import Uncertain
from services.core.settings import Settings
from services.platform.platform import Platform
from tools.chaos.installation import port_of, through
from tools.chaos.proxy import Proxy
from tools.servers.sandbox import Sandbox, wait_until

SECONDS = 10.0
LOCK = 1407

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the test's packets are dropped by a filter of Linux"
)


@contextmanager
def wires(stack: ExitStack, *urls: str) -> Iterator[list[tuple[Proxy, str]]]:
    """A line of its own to each server, and the address by way of it."""
    found = []
    for url in urls:
        wire = Proxy(port_of(url))
        stack.callback(wire.close)
        found.append((wire, through(wire, url)))
    yield found


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_whoever_waits_on_a_lost_connection_hears_of_it_within_seconds(
    settings: Settings, sandbox: Sandbox, postgres_url: str
) -> None:
    with ExitStack() as stack:
        lines = stack.enter_context(wires(stack, f"{sandbox.url}/", settings.redis_url, postgres_url))
        [(_, api), (_, redis), (_, database)] = lines
        values = {"telegram_api_url": api.rstrip("/"), "redis_url": redis, "database_url": database}
        platform = Platform(settings.model_copy(update=values))
        stack.callback(platform.database.dispose)
        token = sandbox.create_bot()["token"]
        platform.telegram.call(token, "getMe")
        platform.redis.ping()
        platform.blocking_redis.ping()
        with platform.database.reading() as session:
            session.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
            for wire, _ in lines:
                wire.lose()

            def query() -> None:
                with pytest.raises(OperationalError):
                    session.execute(text("SELECT 1"))

            def lock() -> None:  # which the lost session held
                with platform.database.reading() as other:
                    other.execute(text(f"SELECT pg_advisory_lock({LOCK})"))

            def send() -> None:
                with pytest.raises(Uncertain):
                    platform.telegram.call(token, "getMe")

            def read() -> None:  # the client asks once more by itself
                assert platform.blocking_redis.blpop(["nothing comes"], 1) is None

            def ask() -> None:  # each lost connection of the pool costs one timeout at most
                wait_until(lambda: answers(platform.redis), seconds=SECONDS)

            with ThreadPoolExecutor() as executor:
                lasted = list(executor.map(timed, (query, lock, send, read, ask)))
        assert max(lasted) < SECONDS, lasted


def test_a_silent_answer_is_waited_for_no_longer_than_before(settings: Settings, sandbox: Sandbox) -> None:
    """Who is slow but there is not taken for lost: its host acknowledges."""
    with ExitStack() as stack:
        [(wire, api)] = stack.enter_context(wires(stack, f"{sandbox.url}/"))
        platform = Platform(settings.model_copy(update={"telegram_api_url": api.rstrip("/")}))
        token = sandbox.create_bot()["token"]
        platform.telegram.call(token, "getMe")
        wire.slow(4.0)
        assert timed(lambda: platform.telegram.call(token, "getMe")) >= 8.0
