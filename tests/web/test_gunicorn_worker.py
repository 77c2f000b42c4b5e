"""The worker's short way for plain requests: on the wire it cannot be told from gunicorn's own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.web.wire_requests import CUT_SHORT, HOST, ODD, PLAIN, changed
from tests.web.wire_server import exchange, gunicorn
from tools.servers.wire import ask, connect

ANSWERS = {path: (f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n",) for path in ("/error", "/stream", "/late-error", "/nothing", "/split", "/status", "/name", "/hop", "/file")}  # fmt: skip
HEADS = {f"HEAD {path}": (f"HEAD {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n",) for path in ("/", "/stream", "/hop", "/file")}  # fmt: skip


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Ports of two servers: ours, and gunicorn's own worker."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with (
        gunicorn(folder / "ours") as ours,
        gunicorn(folder / "theirs", "worker_class = 'gevent'\n") as theirs,
    ):
        yield ours, theirs


@pytest.mark.parametrize("pieces", [*PLAIN.values(), *HEADS.values()], ids=[*PLAIN, *HEADS])
def test_a_plain_request_is_answered_as_gunicorn_does(
    ports: tuple[int, int], pieces: tuple[bytes, ...]
) -> None:
    ours, theirs = (exchange(port, pieces) for port in ports)
    assert b'"way": "usual"' not in ours
    assert ours.replace(b'"way": "short"', b'"way": "usual"') == theirs


@pytest.mark.parametrize("pieces", [*ODD.values(), *ANSWERS.values()], ids=[*ODD, *ANSWERS])
def test_an_odd_request_or_answer_is_gunicorns_own(ports: tuple[int, int], pieces: tuple[bytes, ...]) -> None:
    ours, theirs = (exchange(port, pieces) for port in ports)
    assert ours == theirs
    assert b'"way": "short"' not in ours


@pytest.mark.parametrize("pieces", CUT_SHORT.values(), ids=CUT_SHORT)
def test_a_body_that_is_cut_short_reaches_no_application(
    ports: tuple[int, int], pieces: tuple[bytes, ...]
) -> None:
    assert b'"REQUEST_METHOD": "POST"' not in exchange(ports[0], pieces)


def test_requests_changed_at_random_are_answered_as_by_gunicorn(ports: tuple[int, int]) -> None:
    chance = random.Random(15)
    ours_short = 0
    for _ in range(150):
        request = changed(chance)
        ours, theirs = (exchange(port, (request,)) for port in ports)
        ours_short += b'"way": "short"' in ours
        # A body that ends too early is an answer less.
        assert theirs.startswith(ours.replace(b'"way": "short"', b'"way": "usual"')), request
        assert ours or b"Content-Length: " in request or not theirs, request
    assert 30 < ours_short < 120


def test_a_connection_serves_plain_requests_and_then_odd_ones(ports: tuple[int, int]) -> None:
    with connect(ports[0]) as connection:
        plain, odd = PLAIN["a click"][0], ODD["chunked"][0]
        ways = [json.loads(ask(connection, request).partition(b"\r\n\r\n")[2])["way"] for request in (plain, plain, odd, plain)]  # fmt: skip
    assert ways == ["short", "short", "usual", "usual"]


def test_an_answer_that_would_smuggle_lines_is_refused_and_logged(tmp_path: Path) -> None:
    with gunicorn(tmp_path / "ours", "loglevel = 'error'\n") as port:
        for path in ("/split", "/status", "/name"):
            answer = exchange(port, ANSWERS[path])
            assert answer.startswith(b"HTTP/1.1 500 ")
            assert b"stolen" not in answer
            assert f"Error handling request GET {path}" in (tmp_path / "ours" / "log").read_text()


def test_an_end_waits_for_requests_and_not_for_connections(tmp_path: Path) -> None:
    with (
        gunicorn(tmp_path / "ours", "keepalive = graceful_timeout = 600\n") as port,
        ExitStack() as stack,
    ):
        fresh, plain, odd, busy, last = (stack.enter_context(connect(port)) for _ in range(5))
        ask(plain, PLAIN["a click"][0])
        ask(odd, ODD["chunked"][0])
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert busy.recv(5)
        ask(last, b"GET /end HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert [connection.recv(1) for connection in (fresh, plain, odd)] == [b"", b"", b""]
        received = b""
        while data := busy.recv(100):
            received += data
        assert b"done" in received
