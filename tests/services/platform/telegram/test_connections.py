"""Kept connections: used again while they stand, never a request sent twice, answers read to their end however it is told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest
from httptools import HttpParserError

from services.platform.telegram import connections as connections_module
from services.platform.telegram.connections import Answer, Connections, UnreachedError
from tests.conftest import NOWHERE
from tools.servers.broken import answering

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSED = b""  # instead of an answer
THEN_CLOSED = b"<end>"  # behind an answer


@dataclass
class Peer:
    """What a server was asked. It says its `answers` one after the other, whatever it is asked, over all connections."""

    url: str
    answers: list[bytes]
    requests: list[bytes] = field(default_factory=list)
    accepted: int = 0

    def serve(self, listener: socket.socket) -> None:
        while self.answers:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    self.accepted += 1
                    connection.settimeout(0.05)
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        while self.answers:
            with suppress(TimeoutError):
                if not (request := connection.recv(65536)):
                    return
                self.requests.append(request)
                answer = self.answers.pop(0)
                connection.sendall(answer.removesuffix(THEN_CLOSED))
                if answer == CLOSED or answer.endswith(THEN_CLOSED):
                    return


@contextmanager
def peer(*answers: bytes) -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        playing = Peer(f"http://127.0.0.1:{listener.getsockname()[1]}", list(answers))
        thread = threading.Thread(target=playing.serve, args=(listener,), daemon=True)
        thread.start()
        yield playing
        playing.answers.clear()
        thread.join(5)


def asked(connections: Connections, seconds: float = 5.0) -> tuple[Answer, bytes]:
    with connections.ask(
        "POST",
        "/path",
        b"body",
        {"X-Head": "er"},
        connect_seconds=seconds,
        read_seconds=seconds,
        deadline=time.monotonic() + seconds,
    ) as answer:
        return answer, b"".join(answer.pieces())


def test_head_and_body_leave_together_and_a_connection_serves_again() -> None:
    with peer(OK, OK, OK) as server:
        connections = Connections(server.url, 4)
        for _ in range(3):
            assert asked(connections)[1] == b"ok"
        assert (server.accepted, connections.opened) == (1, 1)
        assert all(
            request.startswith(b"POST /path HTTP/1.1\r\n") and request.endswith(b"\r\n\r\nbody")
            for request in server.requests
        )
        connections.close()


def test_a_connection_that_the_server_closed_meanwhile_is_not_used() -> None:
    with peer(OK + THEN_CLOSED, OK) as server:
        connections = Connections(server.url, 4)
        asked(connections)
        time.sleep(0.05)
        assert asked(connections)[1] == b"ok"
        assert server.accepted == 2


def test_a_request_is_not_sent_again_when_a_kept_connection_breaks() -> None:
    with peer(OK, CLOSED, OK) as server:
        connections = Connections(server.url, 4)
        asked(connections)
        with pytest.raises(RemoteDisconnected):
            asked(connections)
        time.sleep(0.05)
        assert len(server.requests) == 2, "it may have taken effect"


@pytest.mark.parametrize(
    ("answer", "body", "keeps"),
    [
        (b"HTTP/1.1 100 Continue\r\nRetry-After: 9\r\n\r\n" + OK, b"ok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
        (OK + b"more than was asked for", b"ok", False),
        (OK + OK, b"ok", False),
    ],
    ids=["interim", "chunked", "no-content", "close", "old", "garbage-behind", "answer-behind"],
)
def test_an_answer_ends_where_it_says(answer: bytes, body: bytes, keeps: bool) -> None:
    with peer(answer, OK) as server:
        connections = Connections(server.url, 4)
        found, said = asked(connections)
        assert (said, found.keeps, found.retry_after if b"100" in answer[:16] else "9") == (body, keeps, "9")
        assert asked(connections)[1] == b"ok"
        assert server.accepted == (1 if keeps else 2)


def test_a_body_of_untold_length_ends_with_its_connection() -> None:
    with peer(b"HTTP/1.0 200 OK\r\n\r\nall of it" + THEN_CLOSED) as server:
        assert asked(Connections(server.url, 4))[1] == b"all of it"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nContent-Le", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", HttpParserError),
        (b"SSH-2.0-OpenSSH_9.9\r\n", HttpParserError),
    ],
    ids=["short", "short-chunk", "half-a-head", "two-lengths", "ssh"],
)
def test_half_an_answer_and_none_are_errors(answer: bytes, error: type[Exception]) -> None:
    with peer(answer) as server, pytest.raises(error):
        asked(Connections(server.url, 4))


def test_a_head_without_end_is_cut_off_by_size_and_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "LONGEST_HEAD", 1000)
    endless = b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 100
    with peer(endless, OK) as server, pytest.raises(HTTPException, match="too long"):
        asked(Connections(server.url, 4))
    with peer(b"HTTP/1.1 200 OK\r\n", OK) as server, pytest.raises(TimeoutError):
        asked(Connections(server.url, 4), 0.2)


def test_an_answer_that_is_not_read_to_its_end_leaves_no_connection() -> None:
    with peer(OK + b"", OK) as server:
        connections = Connections(server.url, 4)
        with connections.ask(
            "GET", "/", b"", {}, connect_seconds=5, read_seconds=5, deadline=time.monotonic() + 5
        ) as answer:
            assert answer.status == 200
            answer.complete = False  # as if more had been announced
        assert asked(connections)[1] == b"ok"
        assert connections.opened == 2


def test_more_than_are_kept_are_closed_and_none_after_the_end() -> None:
    with peer(OK, OK, OK) as server:
        connections = Connections(server.url, 0)
        asked(connections)
        asked(connections)
        assert connections.opened == 2
        connections.close()
        assert asked(connections)[1] == b"ok", "what is under way when a process ends is not broken off"


@pytest.mark.parametrize(
    "url", [NOWHERE, "http://does-not-exist.invalid", "http://a..b", f"http://{'x' * 80}.example"]
)
def test_what_cannot_be_reached_says_so(url: str) -> None:
    with pytest.raises(UnreachedError):
        asked(Connections(url, 4))


def test_the_answer_to_a_body_that_took_its_time_is_heard() -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(4):
            time.sleep(0.1)
            yield b"x"

    with answering(OK) as url:
        deadline = time.monotonic() + 0.2
        asked = Connections(url, 1).ask(
            "POST",
            "/",
            slowly(),
            {"Content-Length": "4"},
            connect_seconds=5.0,
            read_seconds=5.0,
            deadline=deadline,
        )
        with asked as answer:
            assert time.monotonic() > deadline
            assert b"".join(answer.pieces()) == b"ok"
            assert answer.deadline > time.monotonic(), "there is time to read it, too"
