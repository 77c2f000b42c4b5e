"""The worker's short way for plain requests: on the wire it cannot be told from gunicorn's own."""

from __future__ import annotations

import json
import random
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tools.benchmarks.servers import ROOT, free_port, process

PATIENCE = 30.0  # seconds; only a hang reaches it
OURS = "web.server.gunicorn_worker.Worker"
HOST = b"Host: a.example\r\n"
BODY = b'{"update_id": 1}'
PLAIN = {
    "a click": (b"GET /go/red1?utm_source=fb&x=%20 HTTP/1.1\r\n" + HOST + b"User-Agent: Mozilla/5.0 (X)\r\nCookie: a=1; b=2\r\n\r\n",),
    "no fields": (b"GET / HTTP/1.1\r\n\r\n",),
    "percent signs": (b"GET /a%2Fb%C3%A9%zz;p=1?q=%41?& HTTP/1.1\r\n" + HOST + b"\r\n",),
    "spaces around a value": (b"GET / HTTP/1.1\r\nHost: \t a.example \t\r\nX-Empty:\r\nx-lower-case: \xe9\r\n\r\n",),
    "keep-alive": (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Keep-Alive\r\n\r\n",),
    "a body": (b"POST /webhook/a HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 16\r\n\r\n" + BODY,),
    "a body of its own": (b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 16\r\n\r\n", BODY[:5], BODY[5:]),
    "a body with GET": (b"GET /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",),
}  # fmt: skip
ODD = {
    "head in pieces": (b"GET / HT", b"TP/1.1\r\nHost: a", b".example\r\n\r\n"),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n" + HOST + b"\r\n",),
    "asked to close": (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",),
    "chunked": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",),
    "chunked and measured": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",),
    "a length that is none": (b"POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\nhi",),
    "a long body": (b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"x" * 70000),
    "expecting": (b"POST / HTTP/1.1\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi",),
    "a field twice": (b"GET / HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\n\r\n",),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",),
    "underscore": (b"GET / HTTP/1.1\r\nX_Forwarded_For: 1.2.3.4\r\nHost: a\r\n\r\n",),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",),
    "folded": (b"GET / HTTP/1.1\r\nX-A: 1\r\n 2\r\n\r\n",),
    "bare line feed": (b"GET / HTTP/1.1\nHost: a\n\n",),
    "bare line feed in a value": (b"GET / HTTP/1.1\r\nX-A: 1\nX-B: 2\r\n\r\n",),
    "zero byte": (b"GET / HTTP/1.1\r\nX-A: 1\x002\r\n\r\n",),
    "fragment": (b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n",),
    "absolute": (b"GET http://b.example/a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "two slashes": (b"GET //b.example/a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "a byte beyond ASCII": (b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n",),
    "another method": (b"DELETE /a HTTP/1.1\r\n" + HOST + b"\r\n",),
    "too many fields": (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n",),
    "a long line": (b"GET /?" + b"a" * 8150 + b" HTTP/1.1\r\n\r\n",),
    "too long a line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",),
    "no request": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n",),
    "one behind another": (b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n",),
}  # fmt: skip
ANSWERS = {path: (f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n",) for path in ("/error", "/stream", "/late-error", "/nothing", "/split", "/hop")}  # fmt: skip
HEADS = {f"HEAD {path}": (f"HEAD {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n",) for path in ("/", "/stream", "/hop")}  # fmt: skip

FIELDS = [
    b"Host: a.example", b"Connection: keep-alive", b"X-A:\t1 ", b"X-B: \xff", b"Cookie: a=1", b"Content-Type: text/plain",
    b"X-Forwarded-Proto: https", b"Accept:", b"X-Long: " + b"z" * 2000,
]  # fmt: skip
CHANGES = [bytes((byte,)) for byte in b"\x00\t\n\v\r #%,-/0:;?_\x7f\x85\xa0\xff"] + [
    b"", b"\r\n", b"\r\n ", b"\r\n\r\n", b"//", b"Content-Length: 2\r\n", b"\r\nTransfer-Encoding: chunked", b"\r\nHost: b",
]  # fmt: skip


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Ports of two servers: ours, and gunicorn's own worker."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with _server(folder / "ours", OURS) as ours, _server(folder / "theirs", "gevent") as theirs:
        yield ours, theirs


@pytest.mark.parametrize("pieces", [*PLAIN.values(), *HEADS.values()], ids=[*PLAIN, *HEADS])
def test_a_plain_request_is_answered_as_gunicorn_does(
    ports: tuple[int, int], pieces: tuple[bytes, ...]
) -> None:
    ours, theirs = (_exchange(port, pieces) for port in ports)
    assert b'"way": "usual"' not in ours
    assert ours.replace(b'"way": "short"', b'"way": "usual"') == theirs


@pytest.mark.parametrize("pieces", [*ODD.values(), *ANSWERS.values()], ids=[*ODD, *ANSWERS])
def test_an_odd_request_or_answer_is_gunicorns_own(ports: tuple[int, int], pieces: tuple[bytes, ...]) -> None:
    ours, theirs = (_exchange(port, pieces) for port in ports)
    assert ours == theirs
    assert b'"way": "short"' not in ours


def test_requests_changed_at_random_are_answered_as_by_gunicorn(ports: tuple[int, int]) -> None:
    chance = random.Random(15)
    ours_short = 0
    for _ in range(300):
        request = _changed(chance)
        ours, theirs = (_exchange(port, (request,)) for port in ports)
        ours_short += b'"way": "short"' in ours
        # A body that ends too early is an answer less.
        assert theirs.startswith(ours.replace(b'"way": "short"', b'"way": "usual"')), request
        assert ours or b"Content-Length: " in request or not theirs, request
    assert 50 < ours_short < 250


def test_a_connection_serves_plain_requests_and_then_odd_ones(ports: tuple[int, int]) -> None:
    with _connection(ports[0]) as connection:
        plain, odd = PLAIN["a click"][0], ODD["chunked"][0]
        ways = [json.loads(_ask(connection, request).partition(b"\r\n\r\n")[2])["way"] for request in (plain, plain, odd, plain)]  # fmt: skip
    assert ways == ["short", "short", "usual", "usual"]


def test_a_silent_connection_is_closed_after_the_keep_alive_time(ports: tuple[int, int]) -> None:
    with _connection(ports[0]) as connection:
        _ask(connection, PLAIN["a click"][0])
        assert connection.recv(1) == b""
    with _connection(ports[0]) as connection:
        connection.sendall(PLAIN["a body"][0][:-3])
        assert connection.recv(1) == b""
    with _connection(ports[0]) as connection, suppress(ConnectionResetError):
        connection.sendall(ODD["chunked"][0][:-7])
        while connection.recv(100):
            pass


def test_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    with (
        _server(tmp_path / "ours", OURS, "worker_connections = 8\nkeepalive = 600\n") as port,
        ExitStack() as stack,
    ):
        for _ in range(20):
            stack.enter_context(_connection(port))
        with _connection(port) as connection:
            assert b"200 OK" in _ask(connection, PLAIN["a click"][0])


def test_an_end_waits_for_requests_and_not_for_connections(tmp_path: Path) -> None:
    with (
        _server(tmp_path / "ours", OURS, "keepalive = graceful_timeout = 600\n") as port,
        ExitStack() as stack,
    ):
        fresh, plain, odd, busy, last = (stack.enter_context(_connection(port)) for _ in range(5))
        _ask(plain, PLAIN["a click"][0])
        _ask(odd, ODD["chunked"][0])
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert busy.recv(5)
        _ask(last, b"GET /end HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert [connection.recv(1) for connection in (fresh, plain, odd)] == [b"", b"", b""]
        received = b""
        while data := busy.recv(100):
            received += data
        assert b"done" in received


def _changed(chance: random.Random) -> bytes:
    """A plain request, or one that a byte or a line was added to, changed in or taken from."""
    body = chance.choice((b"", b"hi", b"GET /smuggled HTTP/1.1\r\n\r\n"))
    fields = chance.sample(FIELDS, chance.randrange(5)) + [b"Content-Length: %d" % len(body)] * bool(body)
    chance.shuffle(fields)
    line = chance.choice((b"GET /a?b", b"POST /a%00", b"HEAD /", b"GET /hop", b"POST /;p=[")) + b" HTTP/1.1"
    head = b"\r\n".join([line, *fields, b"", b""])
    if chance.random() < 0.6:
        at, added = chance.randrange(len(head)), chance.choice(CHANGES)
        head = head[:at] + added + head[at + chance.randrange(2) :]
    return head + body


@contextmanager
def _server(folder: Path, worker: str, more: str = "") -> Iterator[int]:
    """A gunicorn with one worker of the class `worker`; its port."""
    folder.mkdir()
    port, config = free_port(), folder / "gunicorn.conf.py"
    config.write_text(
        "from gevent import monkey\nmonkey.patch_all()\n"
        f"bind = '127.0.0.1:{port}'\nworker_class = '{worker}'\nkeepalive = 2\nforwarded_allow_ips = ''\n"
        "limit_request_line = 8190\n"
        "control_socket_disable = True\nloglevel = 'critical'\n" + more
    )
    command = [sys.executable, "-m", "gunicorn", "-c", str(config), "tests.web.wire_app:application"]
    with process(command, {"PYTHONPATH": str(ROOT)}, folder / "log", port):
        yield port


def _connection(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _exchange(port: int, pieces: tuple[bytes, ...]) -> bytes:
    """All that comes back, without the time of day."""
    with _connection(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05 if len(pieces) > 1 else 0)  # so that they are most likely read apart
        connection.shutdown(socket.SHUT_WR)
        received = b""
        with suppress(ConnectionResetError):
            while data := connection.recv(65536):
                received += data
    return re.sub(rb"\r\nDate: [^\r]+", b"", received)


def _ask(connection: socket.socket, request: bytes) -> bytes:
    """One answer of known length."""
    connection.sendall(request)
    received = b""
    while (length := re.search(rb"Content-Length: ([0-9]+)", received)) is None or len(
        received.partition(b"\r\n\r\n")[2]
    ) < int(length[1]):
        data = connection.recv(65536)
        assert data, received
        received += data
    return received
