"""Kept connections to one server: http.client opens them and writes requests, llhttp reads the answers.

urllib3 over the same http.client takes five times the CPU of a call (docs/benchmarks.md, ADR 69). Safe for threads and greenlets.
"""

from __future__ import annotations

import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead, RemoteDisconnected
from typing import Any, Final, cast
from urllib.parse import urlsplit

import certifi
from httptools import HttpParserError, HttpResponseParser

from services.core.lost_connections import SOCKET_OPTIONS
from services.core.sockets import is_readable

CHUNK = 64 * 1024
LONGEST_HEAD = 256 * 1024  # bytes; the Bot API's has a few hundred
SHORTEST_WAIT_SECONDS = 0.001  # 0 would mean not to wait at all
AFTER_UPLOAD_SECONDS = 20.0  # for the answer to a body that took its time: what arrived is not lost
Content = bytes | Iterable[bytes]
BROKEN = (HTTPException, HttpParserError, OSError)  # what ends an exchange that began


class UnreachedError(Exception):
    """Nothing was sent: the connection could not be opened, for the `cause`, whose words are not for people."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(type(cause).__name__)
        self.was_late = isinstance(cause, TimeoutError)


class Answer:
    """What a server says to one request; `complete` when its body has been read.

    It is what http.client calls a response class: it is made with the socket, and told to `begin`.
    """

    will_close: Final = False  # else http.client closes the socket before the body is read; see `keeps`

    def __init__(self, sock: socket.socket, *, method: str, deadline: float) -> None:
        self._socket = sock
        self.deadline = deadline  # monotonic
        self._parser = HttpResponseParser(self)
        self._unread: list[bytes] = []
        self._received = 0  # bytes
        self._is_interim = self._has_head = self._has_length = False
        self.status = 0
        self.retry_after: str | None = None
        self.complete = False
        self.keeps = False  # the connection may be used again

    def begin(self) -> None:
        """Read the head, which must be there by the deadline and have an end. Raises TimeoutError or one of BROKEN."""
        while not self._has_head:
            self._feed()
            if not self._has_head and self._received > LONGEST_HEAD:
                raise HTTPException("the head of the answer is too long")
            if time.monotonic() > self.deadline:
                raise TimeoutError

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Raises as `begin` does, and IncompleteRead where it ends too early."""
        while True:
            yield from self._unread
            self._unread.clear()
            if self.complete:
                return
            self._feed()

    def _feed(self) -> None:
        data = self._socket.recv(CHUNK)
        if data:
            self._take(data)
        else:
            self._end()
        if self.complete:
            del self._parser  # it holds this answer: a circle that only a search for garbage would find

    def _take(self, data: bytes) -> None:
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            if not self.complete:
                raise
            self.keeps = False  # nobody asked for what follows the answer

    def _end(self) -> None:
        """The server closed the connection, which may be how it ends a body whose length it did not tell."""
        if not self._received:
            raise RemoteDisconnected("nothing was answered")
        if not self._has_head or self._has_length:
            raise IncompleteRead(b"")
        self.complete, self.keeps = True, False

    def isclosed(self) -> bool:
        """Whether the connection may take another request, as http.client asks."""
        return self.complete

    def close(self) -> None:
        """Nothing to be closed: the socket is the connection's."""

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Another message than the one that was asked for."""
        if self.complete:
            self.keeps = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head, of trailers, or of an interim answer."""
        match name.lower():
            case b"content-length":
                self._has_length = True
            case b"transfer-encoding":
                self._has_length = b"chunked" in value.lower()
            case b"retry-after" if not self._has_head:
                self.retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._has_head:
            return
        self.status = self._parser.get_status_code()
        self._is_interim = 100 <= self.status < 200
        self._has_head = not self._is_interim
        self.keeps = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if not self.complete:
            self._unread.append(data)

    def on_message_complete(self) -> None:
        """The end of the answer, or of one before it that says to wait for it."""
        self.complete = self.complete or not self._is_interim


class _PlainConnection(HTTPConnection):
    _held: list[Any] | None = None  # what is to be sent, while it is gathered

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    def ask(self, method: str, path: str, body: Content, headers: dict[str, str], deadline: float) -> Answer:
        """Write the request and read the head of its answer."""
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it closed
            if isinstance(body, bytes):
                self._write_at_once(method, path, body, headers)
            else:
                self.request(method, path, body=body, headers=headers)
                deadline = max(deadline, time.monotonic() + AFTER_UPLOAD_SECONDS)
        # http.client knows it by another signature, and calls it with these alone.
        self.response_class = partial(Answer, deadline=deadline)  # type: ignore[assignment]
        return cast(Answer, self.getresponse())

    def _write_at_once(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Head and body in one packet and one TLS record; http.client sends them one after the other."""
        self._held = []
        try:
            self.request(method, path, body=body or None, headers=headers)
            whole = b"".join(self._held)
        finally:
            self._held = None
        self.send(whole)

    def was_dropped(self) -> bool:
        """Whether the server closed it, or says what nobody asked for."""
        return self.sock is None or is_readable(self.sock)


class _TlsConnection(_PlainConnection, HTTPSConnection):
    pass


class Connections:
    """To the server of one address; `size` of them are kept, more are made under load and closed after use."""

    def __init__(self, url: str, size: int) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port
        self._tls = _authorities() if address.scheme == "https" else None
        self._idle: deque[_PlainConnection] = deque()
        self._size = size
        self._is_closed = False
        self.opened = 0  # so far
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def ask(
        self,
        method: str,
        path: str,
        body: Content,
        headers: dict[str, str],
        *,
        connect_seconds: float,
        read_seconds: float,
        deadline: float,
    ) -> Iterator[Answer]:
        """The answer to a request, its head read; the rest is read while this is open, else its connection is closed.

        `read_seconds` bounds each wait for something to come, the `deadline` (monotonic) all until the head is there; a body in
        pieces may take its time, and the answer to it has some of its own. Raises UnreachedError, TimeoutError or one of BROKEN;
        the words of none are for people, for they may hold the path.
        """
        connection = self._kept() or self._open(connect_seconds)
        is_whole = False
        try:
            left = min(read_seconds, deadline - time.monotonic())
            connection.sock.settimeout(max(left, SHORTEST_WAIT_SECONDS))
            answer = connection.ask(method, path, body, headers, deadline)
            yield answer
            is_whole = answer.complete and answer.keeps
        finally:
            self._put_back(connection, is_whole)

    def close(self) -> None:
        """Close those that wait, and those in use when they are back."""
        self._is_closed = True
        _close_all(self._idle)

    def _kept(self) -> _PlainConnection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not connection.was_dropped():
                return connection
            connection.close()

    def _open(self, seconds: float) -> _PlainConnection:
        connection = None
        try:
            connection = (
                _TlsConnection(self._host, self._port, timeout=seconds, context=self._tls)
                if self._tls
                else _PlainConnection(self._host, self._port, timeout=seconds)
            )
            connection.connect()
            for option in SOCKET_OPTIONS:
                connection.sock.setsockopt(*option)
        except (OSError, HTTPException, UnicodeError) as error:  # UnicodeError: no name of a host
            if connection is not None:
                connection.close()
            raise UnreachedError(error) from error
        self.opened += 1
        return connection

    def _put_back(self, connection: _PlainConnection, is_whole: bool) -> None:
        if is_whole and not self._is_closed and len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()


def _authorities() -> ssl.SSLContext:
    """The system's, for a server of one's own, and Mozilla's, for machines that have none installed."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _close_all(idle: deque[_PlainConnection]) -> None:
    while idle:
        idle.pop().close()
