"""Clients that keep a web worker waiting: each is let go after a while, and all together keep nobody out."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from tests.web.wire_app import LARGE
from tests.web.wire_requests import ODD, PLAIN
from tests.web.wire_server import gunicorn
from tools.attack.half_requests import half_requests, open_files
from tools.servers.wire import ask, connect, rest

HEAD, PATIENCE, IDLE = 1.0, 1.5, 4.0  # seconds, instead of 10, 20 and 75
LATE = 3.0  # seconds that it may take longer on a busy machine; the worker looks once a second
CLICK, CHUNKED = PLAIN["a click"][0], ODD["chunked"][0]
PLAIN_BODY = b"POST /a HTTP/1.1\r\nContent-Length: 30000\r\n\r\n"
LONG_BODY = b"POST /a HTTP/1.1\r\nContent-Length: 70000\r\n\r\n"
CHUNKS = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7530\r\n"
LARGE_ANSWERS = [f"GET {path} HTTP/{version}\r\n\r\n".encode() for path in ("/large", "/large-stream") for version in ("1.1", "1.0")]  # fmt: skip
CROWD = 1005

_Found = TypeVar("_Found")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with short limits."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with gunicorn(folder / "ours", f"keepalive = {IDLE:.0f}\n", f"head={HEAD}, patience={PATIENCE}") as port:
        yield port


def test_a_head_that_drips_is_let_go(port: int) -> None:
    def seconds(before: bytes) -> float:
        with connect(port) as connection:
            if before:
                ask(connection, before)
            return dripping(connection, b"GET / HTTP/1.1\r\nX-A: ")

    for taken in at_once(seconds, (b"", CLICK, CHUNKED)):
        assert HEAD / 2 < taken < HEAD + LATE


def test_where_gunicorn_reads_every_request_a_head_that_drips_is_let_go_too(tmp_path: Path) -> None:
    settings = "accesslog = '/dev/null'\n"
    with gunicorn(tmp_path / "ours", settings, f"head={HEAD}") as port, connect(port) as connection:
        assert b'"way": "usual"' in ask(connection, CLICK)
        assert HEAD / 2 < dripping(connection, b"GET / HTTP/1.1\r\nX-A: ") < HEAD + LATE


def test_a_body_that_drips_or_stops_is_let_go(port: int) -> None:
    def seconds(begin: bytes) -> float:
        with connect(port) as connection:
            return dripping(connection, begin, b"" if len(begin) > 10000 else b"x")

    bodies = (PLAIN_BODY, LONG_BODY, CHUNKS)
    for taken in at_once(seconds, (*bodies, *(begin + b"x" * 20000 for begin in bodies))):
        assert PATIENCE / 2 < taken < PATIENCE + LATE


@pytest.mark.parametrize("head", [b"Content-Length: 30000", b"Transfer-Encoding: chunked"])
def test_the_application_is_not_called_before_a_body_is_there(port: int, head: bytes) -> None:
    body = (
        CHUNKS.partition(b"\r\n\r\n")[2] * (b"chunked" in head)
        + b"x" * 30000
        + b"\r\n0\r\n\r\n" * (b"chunked" in head)
    )
    with connect(port) as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\n" + head + b"\r\n\r\n" + body[:20000])
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        connection.settimeout(30)
        connection.sendall(body[20000:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_the_application_is_called_when_much_of_a_long_body_is_there(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 70000)
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")
        connection.sendall(b"x" * 30000)
        assert b"200 OK" in ask(connection, CLICK)


def test_a_body_that_flows_may_take_its_time(port: int) -> None:
    def answer(begin: bytes) -> bytes:
        with connect(port) as connection:
            connection.sendall(begin)
            for _ in range(30):
                connection.sendall(b"x" * 1000)
                time.sleep(PATIENCE / 15)
            connection.sendall(b"\r\n0\r\n\r\n" if begin == CHUNKS else b"")
            return connection.recv(100)

    assert all(b"200 OK" in received for received in at_once(answer, (PLAIN_BODY, CHUNKS)))


def test_a_connection_without_request_is_let_go_soon_and_one_that_had_one_later(port: int) -> None:
    def seconds(before: bytes) -> float:
        with connect(port) as connection:
            if before:
                ask(connection, before)
            return dripping(connection, b"", b"")

    fresh, plain, odd = at_once(seconds, (b"", CLICK, CHUNKED))
    assert HEAD / 2 < fresh < HEAD + LATE
    assert IDLE - HEAD < plain < IDLE + LATE
    assert IDLE - HEAD < odd < IDLE + LATE


def test_an_answer_that_nobody_reads_is_let_go(port: int) -> None:
    def received(request: bytes) -> int:
        with connect(port) as connection:
            connection.sendall(request)
            time.sleep(PATIENCE + LATE)
            return len(rest(connection))

    assert max(at_once(received, LARGE_ANSWERS)) < LARGE


def test_an_answer_that_is_read_slowly_comes_whole(port: int) -> None:
    def received(request: bytes) -> int:
        with connect(port) as connection:
            connection.sendall(request)
            began, size = time.monotonic(), 0
            while size < LARGE and (data := connection.recv(1 << 20)):
                size += len(data)
                time.sleep(max(0.0, 2 * PATIENCE * size / LARGE - (time.monotonic() - began)))
            return size

    assert min(at_once(received, LARGE_ANSWERS)) >= LARGE


def test_a_head_without_end_is_not_kept(port: int) -> None:
    with connect(port) as connection, pytest.raises(OSError, match=r"reset|pipe"):
        connection.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(200):
            connection.sendall(b"X-A: " + b"a" * 2000 + b"\r\n")
            time.sleep(0.002)


@pytest.mark.parametrize("sources", [1, 60], ids=["one address", "many addresses"])
def test_a_thousand_half_requests_keep_nobody_out(tmp_path: Path, sources: int) -> None:
    attackers = [f"127.0.1.{number}" for number in range(1, sources + 1)]
    settings = "worker_connections = 1000\nkeepalive = 75\n"
    with (
        open_files(3 * CROWD),
        gunicorn(tmp_path / "ours", settings, "address_share=0.25") as port,
        half_requests(port, attackers, CROWD) as held,
    ):
        waited = [time_of_a_click(port, source) for source in ("127.0.0.1", attackers[0]) * 15]
        assert held() > CROWD / 5, "the attack has ended"
    assert sorted(waited)[-2] < 1.0, waited  # once, a busy machine may be slower


def at_once(do: Callable[[bytes], _Found], cases: Sequence[bytes]) -> list[_Found]:
    """What `do` finds for each case, all of them at the same time."""
    with ThreadPoolExecutor(len(cases)) as threads:
        return list(threads.map(do, cases))


def dripping(connection: socket.socket, begin: bytes, drop: bytes = b"x") -> float:
    """Seconds until the other side ends a connection on which `begin` is followed by a `drop` every 0.2 s."""
    connection.sendall(begin)
    connection.settimeout(0.2)
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE * 10:
        try:
            connection.sendall(drop)
            if not connection.recv(1000):
                break
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            break
    return time.monotonic() - began


def time_of_a_click(port: int, source: str) -> float:
    began = time.monotonic()
    with connect(port, source) as connection:
        assert b"200 OK" in ask(connection, CLICK)
    seconds = time.monotonic() - began
    time.sleep(0.1)
    return seconds
