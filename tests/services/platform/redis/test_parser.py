"""What a connection sees of what its server says, over real connections with and without TLS."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import DataError, Redis, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.settings import Settings
from services.platform.redis.connection import fast_client
from tools.servers.sandbox import wait_until

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


CLOSED = """
from services.core.greenlets import patch
patch()
import os
import gevent
from redis import Redis
from redis.exceptions import ConnectionError
from services.core.environment import load_settings
from services.platform.redis.connection import fast_client
pool = fast_client(load_settings(os.environ)).connection_pool
connection = pool.get_connection()
connection.send_command("CLIENT", "ID")
Redis.from_url(os.environ["KILLER_URL"]).client_kill_filter(_id=str(connection.read_response()))
try:
    for _ in range(1000):
        assert not connection.can_read()
        gevent.sleep(0.005)
except ConnectionError:
    pass
else:
    raise AssertionError("it stayed open")
"""


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "REDIS_URL": settings.redis_url,
    }


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
    assert wait_until(connection.can_read, seconds=5)
    assert connection.read_response() in ("PONG", True)


def test_what_was_read_with_another_answer_is_seen(connection: Any) -> None:
    connection.send_packed_command([b"PING\r\nECHO here\r\n"])
    time.sleep(0.1)  # so that one read takes both in
    connection.read_response()
    assert connection.can_read() is True
    assert connection.read_response() == "here"


def test_a_connection_that_the_server_has_closed_is_told(connection: Any, redis_url: str) -> None:
    kill(connection, redis_url)
    with pytest.raises(RedisConnectionError):
        wait_until(connection.can_read, seconds=5)


def test_it_is_told_in_a_patched_process_too(settings: Settings, redis_url: str, tls_url: str) -> None:
    for url in (redis_url, tls_url):
        environ = {**environment_of(settings), "REDIS_URL": url, "REDIS_VERIFY_TLS": "false"}
        environ["KILLER_URL"] = redis_url
        subprocess.run([sys.executable, "-c", CLOSED], env=environ, check=True, timeout=60)


def kill(connection: Any, redis_url: str) -> None:
    """Have the server close it."""
    connection.send_command("CLIENT", "ID")
    number = connection.read_response()
    with Redis.from_url(redis_url) as other:
        other.client_kill_filter(_id=str(number))


def test_errors_within_an_answer_stay_where_they_are(client: Redis) -> None:
    assert isinstance(client.eval("return {1, {err='ERR here'}}", 0)[1], ResponseError)
    with pytest.raises(ResponseError, match="not an integer"):
        pipeline = client.pipeline()
        pipeline.set("text", "a")
        pipeline.incr("text")
        pipeline.execute()
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
    subprocess.run([sys.executable, "-c", LOOKS], env=environment_of(settings), check=True, timeout=60)
