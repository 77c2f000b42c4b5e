"""Endpoints that do not behave: each costs a bounded time and bounded bytes, and says in its error nothing of the address."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from services.core.errors import InvalidInput, Unavailable
from services.core.url_safety import Target
from services.messaging.workers.webhooks.post import (
    Deadlines,
    PostFailed,
    Reply,
    WebhookClient,
)

HEAD = b"HTTP/1.1 200 OK\r\n"


class Rude:
    """A server that answers by the path of the request, and counts connections and bytes of its longest answer."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.accepted = 0
        self.written = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            asked = b""
            try:
                while piece := connection.recv(65536):
                    asked += piece
                    if asked.endswith(b"\r\n\r\n{}"):
                        self._answer(connection, asked.split(b" ")[1])
                        asked = b""
            except OSError:
                return

    def _answer(self, connection: socket.socket, path: bytes) -> None:
        if path == b"/drip-head":
            for _ in range(1200):
                connection.sendall(b"H")
                time.sleep(0.05)
        elif path == b"/drip-body":
            connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
            for _ in range(1200):
                connection.sendall(b" ")
                time.sleep(0.05)
        elif (
            path == b"/drip-to-the-end"
        ):  # a body that ends with the connection: the library gives the socket away
            connection.sendall(HEAD + b"Connection: close\r\n\r\n")
            for _ in range(1200):
                connection.sendall(b" ")
                time.sleep(0.05)
        elif path == b"/huge":
            connection.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
            for _ in range(1526):
                connection.sendall(b"x" * 65536)
                self.written += 65536
        elif path == b"/garbage":
            connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
            connection.shutdown(socket.SHUT_RDWR)
        elif path == b"/silent":
            connection.shutdown(socket.SHUT_RDWR)
        elif path == b"/redirect":
            connection.sendall(
                b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
            )
        elif path == b"/later":
            connection.sendall(b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
        elif path == b"/no-content":  # its body comes when the next request is there
            connection.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n")
            connection.recv(1, socket.MSG_PEEK)
            connection.sendall(b"ok")
        elif path == b"/once":
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")


@pytest.fixture
def rude() -> Iterator[Rude]:
    server = Rude()
    yield server
    server.close()


@pytest.fixture
def deadlines() -> Iterator[Deadlines]:
    """With somebody who cuts off what is late."""
    found, stopped = Deadlines(), threading.Event()

    def cut_off() -> None:
        while not stopped.wait(0.02):
            found.cut_off(time.monotonic())

    threading.Thread(target=cut_off, daemon=True).start()
    yield found
    stopped.set()


def posted(rude: Rude, deadlines: Deadlines, path: str, seconds: float = 20.0) -> Reply | PostFailed:
    target = Target("hook.example.com", rude.port, "127.0.0.1", path, secure=False)
    client = WebhookClient(lambda: target, "secret", deadlines)
    try:
        return client.post(b"{}", seconds)
    except PostFailed as failure:
        return failure
    finally:
        client.close()


def test_endpoints_that_do_not_behave_cost_bounded_time_and_bytes(rude: Rude, deadlines: Deadlines) -> None:
    for path, seconds, text, reached, retry_after in (
        ("/drip-head", 0.3, "Read timeout expired", True, None),
        ("/drip-body", 0.3, "Read timeout expired", True, None),
        ("/drip-to-the-end", 0.3, "Read timeout expired", True, None),
        ("/garbage", 20.0, "Wrong response from the webhook: no HTTP", True, None),
        ("/silent", 20.0, "Connection closed without an answer", True, None),
        ("/redirect", 20.0, "Wrong response from the webhook: 302 Found", True, None),
        ("/later", 20.0, "Wrong response from the webhook: 503 Service Unavailable", False, 7.0),
    ):
        found = posted(rude, deadlines, path, seconds)
        assert isinstance(found, PostFailed), path
        assert (str(found), found.reached, found.retry_after) == (text, reached, retry_after)
        assert found.__cause__ is None
        assert found.__context__ is None or found.__suppress_context__  # which might name the path
    assert posted(rude, deadlines, "/huge") == Reply("", None)  # taken; its words are not read to the end
    assert rude.written < 50_000_000


def test_connections_are_kept_and_each_new_one_is_checked_anew(rude: Rude, deadlines: Deadlines) -> None:
    answers: list[Target | Exception] = [
        Target("hook.example.com", rude.port, "127.0.0.1", "/fine", secure=False),
        Target("hook.example.com", rude.port, "127.0.0.1", "/once", secure=False),
        InvalidInput("inside"),  # the name has changed its mind
        Unavailable("unknown"),
    ]

    def resolve() -> Target:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    client = WebhookClient(resolve, "", deadlines)
    for _ in range(3):
        assert client.post(b"{}", 20.0) == Reply("", b"ok")
    assert rude.accepted == 1
    client._kept.clear()
    assert client.post(b"{}", 20.0) == Reply("", b"ok")
    for text in ("leads to where no webhook may be", "Failed to resolve host"):
        with pytest.raises(PostFailed, match=text) as failure:
            client.post(b"{}", 20.0)
        assert failure.value.reached is False


def test_what_comes_after_an_answer_without_a_body_is_not_taken_for_the_next_answer(
    rude: Rude, deadlines: Deadlines
) -> None:
    target = Target("hook.example.com", rude.port, "127.0.0.1", "/no-content", secure=False)
    client = WebhookClient(lambda: target, "secret", deadlines)
    assert [client.post(b"{}", 20.0) for _ in range(2)] == [Reply("", b"")] * 2
    assert rude.accepted == 2, "such a connection carries nothing more"
    client.close()
