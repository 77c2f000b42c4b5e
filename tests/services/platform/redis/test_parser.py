"""What a connection sees of what its server says, over real connections with and without TLS."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import DataError, Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.settings import Settings
from services.platform.redis.connection import fast_client

PATIENCE_SECONDS = 5.0
LOOKS = """
from services.core.greenlets import patch
patch()
import os
import gevent
from services.core.environment import load_settings
from services.platform.redis.connection import fast_client
ran = []
pool = fast_client(load_settings(os.environ)).connection_pool
connection = pool.get_connection()
gevent.spawn(ran.append, True)
assert connection.can_read() is False
assert not ran
gevent.sleep(0)
assert ran
"""


def within(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return found


@pytest.fixture(params=["plain", "tls"])
def client(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Redis]:
    if request.param == "tls":
        tls_url = request.getfixturevalue("tls_url")
        settings = settings.model_copy(update={"redis_url": tls_url, "redis_verify_tls": False})
    with fast_client(settings) as client:
        yield client


@pytest.fixture
def connection(client: Redis) -> Iterator[Any]:
    taken: Any = client.connection_pool.get_connection()
    yield taken
    taken.disconnect()
    client.connection_pool.release(taken)


def test_a_quiet_connection_has_nothing_to_read(connection: Any) -> None:
    assert connection.can_read() is False
    connection.send_command("PING")
    assert connection.read_response() in ("PONG", True)
    assert connection.can_read() is False


def test_an_answer_that_nobody_read_is_seen(connection: Any) -> None:
    connection.send_command("PING")
    assert within(connection.can_read)
    assert connection.read_response() in ("PONG", True)


def test_what_was_read_with_another_answer_is_seen(connection: Any) -> None:
    connection.send_packed_command([b"PING\r\nECHO here\r\n"])
    time.sleep(0.1)  # so that one read takes both in
    connection.read_response()
    assert connection.can_read() is True
    assert connection.read_response() == "here"


def test_a_connection_that_the_server_has_closed_is_told_and_replaced(client: Redis, redis_url: str) -> None:
    taken: Any = client.connection_pool.get_connection()
    taken.send_command("CLIENT", "ID")
    number = taken.read_response()
    with Redis.from_url(redis_url) as other:
        other.client_kill_filter(_id=str(number))

    def is_told() -> bool:
        try:
            return bool(taken.can_read())  # the pool takes either for a connection that is not to be used
        except RedisConnectionError:
            return True

    assert within(is_told)
    client.connection_pool.release(taken)
    assert client.ping()


def test_half_a_character_is_refused_and_harms_nobody(client: Redis) -> None:
    client.eval(r"redis.call('SET', 'broken', '\255 half')", 0)
    with pytest.raises(UnicodeDecodeError):
        client.mget("broken", "nothing")
    with pytest.raises(UnicodeEncodeError):
        client.set("name", "half \ud800")
    with pytest.raises(DataError):
        client.set("name", [1])  # type: ignore[arg-type]
    assert client.get("name") is None
    client.set("name", "whole \N{GRINNING FACE}\r\n\0")
    assert client.get("name") == "whole \N{GRINNING FACE}\r\n\0"


def test_a_look_does_not_give_way_to_other_greenlets(settings: Settings) -> None:
    environ = {
        **os.environ,
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url,
    }
    subprocess.run([sys.executable, "-c", LOOKS], env=environ, check=True, timeout=60)
