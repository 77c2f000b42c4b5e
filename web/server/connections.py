"""The connections of a web worker: none may keep it waiting for ever, nor all of them keep others out."""

from __future__ import annotations

import errno
import struct
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from math import inf
from socket import SHUT_RD, SHUT_RDWR, SO_LINGER, SOL_SOCKET
from typing import Any, Final

from gevent.socket import socket

from services.core.addresses import client_network
from services.core.metrics import CONNECTIONS_ENDED
from web.server.patience import Limits, Patience, Stage

LARGEST_HEAD: Final = 65536  # bytes; gunicorn would keep 800 KB, and search them again at every piece
MAX_CONNECTIONS: Final = 2000  # of a worker
MIN_CONNECTIONS: Final = 50
RESERVED_FILES: Final = 250  # of those a process may have open: database, Redis, logs and what requests open
RESET: Final = struct.pack("ii", 1, 0)  # no lingering: what an ended peer has not taken is thrown away
DRAINED_AFTER: Final = 1.0  # seconds that a connection without a request is kept when the worker is to end
SPARED: Final = 0.98  # of the time allowed: what has only begun to wait, 0.2 s for a head, makes no room


class Connection(socket):
    """A client's socket; for gunicorn an ordinary one, but a peer that takes too long is a ConnectionResetError."""

    __slots__ = ("_head_size", "_is_ended", "_unread", "patience", "peer")

    def __init__(self, client: Any, peer: str, limits: Limits) -> None:
        super().__init__(client.family, client.type, client.proto, client.detach())
        self.peer = peer
        self.patience = Patience(limits, time.monotonic())
        self._head_size = 0
        self._is_ended = False
        self._unread = b""

    def expect_request(self) -> None:
        """What comes now is the next request."""
        self._head_size = 0
        self.patience.expect_request(time.monotonic())

    def expect_flow(self) -> None:
        """The head was read: what comes now is a body, what goes an answer."""
        self.patience.expect_flow()

    def unread(self, data: bytes) -> None:
        """Have `data` read once more."""
        self._unread = data

    def recv(self, size: int, *flags: int) -> bytes:
        """As a socket's, but a body that ends too early is an error: nobody asks for more of one than was announced."""
        if self._unread:
            data, self._unread = self._unread[:size], self._unread[size:]
            return data
        if self.patience.stage is Stage.FLOW:
            return self._recv_body(size, *flags)
        return self._recv_head(size, *flags)

    def send(self, data: Any, *flags: Any, **options: Any) -> int:
        """As a socket's."""
        self.patience.wait_for_flow(time.monotonic())
        sent: int = super().send(data, *flags, **options)
        self.patience.flowed(time.monotonic(), sent)
        return sent

    def sendall(self, data: Any, flags: int = 0) -> None:
        """As a socket's, without asking the system for the size of its buffer first."""
        sent = self.send(data, flags)
        while sent < len(data):
            sent += self.send(memoryview(data)[sent:], flags)

    def end(self) -> None:
        """Have nobody wait for the peer any longer. A request that arrived this moment is still read."""
        self._is_ended = self.patience.stage is not Stage.IDLE
        with suppress(OSError):  # the peer was quicker
            if self._is_ended:
                self.setsockopt(SOL_SOCKET, SO_LINGER, RESET)
            # The system's own: it wakes who waits. gevent's has them find a closed file.
            self._sock.shutdown(SHUT_RDWR if self._is_ended else SHUT_RD)  # type: ignore[attr-defined]

    def _recv_head(self, size: int, *flags: int) -> bytes:
        self.patience.wait_for_head()
        data: bytes = super().recv(size, *flags)
        self.patience.head_came(time.monotonic())
        self._head_size += len(data)
        if self._is_ended or self._head_size > LARGEST_HEAD:
            raise ConnectionResetError(errno.ECONNRESET, "The request is too long in coming")
        return data

    def _recv_body(self, size: int, *flags: int) -> bytes:
        self.patience.wait_for_flow(time.monotonic())
        data: bytes = super().recv(size, *flags)
        self.patience.flowed(time.monotonic(), len(data))
        if self._is_ended or not data:
            raise ConnectionResetError(errno.ECONNRESET, "The body is not whole")
        return data


class OpenConnections:
    """All of a worker's. Those that wait for their peers make room for others, first those that used up most of their time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._share = (
            max(1, int(limits.connections * limits.address_share)) if limits.address_share < 1 else inf
        )
        self._open: set[Connection] = set()
        self._per_peer: Counter[str] = Counter()

    def admit(self, client: Any, address: Any) -> Connection | None:
        """Take over a socket; None, and it is closed, when its address has its share and all of that is at work."""
        peer = self._sharer(address)
        if len(self._open) >= self._limits.connections - _eighth(self._limits.connections):
            self._make_room(self._open, _eighth(self._limits.connections), SPARED, "crowded")
        if peer and self._per_peer[peer] >= self._share:
            own = [one for one in self._open if one.peer == peer]
            self._make_room(own, _eighth(len(own)), 1.0, "share")
            if self._per_peer[peer] >= self._share:
                CONNECTIONS_ENDED.labels("refused").inc()
                client.close()
                return None
        connection = Connection(client, peer, self._limits)
        self._open.add(connection)
        self._per_peer[peer] += 1
        return connection

    def forget(self, connection: Connection) -> None:
        """It is closed, or will be in a moment."""
        if connection in self._open:
            self._open.remove(connection)
            self._per_peer[connection.peer] -= 1
            if not self._per_peer[connection.peer]:
                del self._per_peer[connection.peer]

    def end_overdue(self) -> None:
        """End those whose time is over."""
        now = time.monotonic()
        for connection in [one for one in self._open if one.patience.deadline <= now]:
            self._end(connection, "overdue")

    def end_idle(self) -> None:
        """End those without a request; one that has waited only a moment may have one on its way."""
        now = time.monotonic()
        for connection in [one for one in self._open if one.patience.idle_for(now) > DRAINED_AFTER]:
            self._end(connection, "drained")

    def _sharer(self, address: Any) -> str:
        """Who has a share of the connections; "" where none is counted."""
        return "" if isinstance(address, tuple) and address[0] in self._limits.proxies else _network(address)

    def _make_room(self, among: Collection[Connection], room: int, most: float, reason: str) -> None:
        """End so many of those with less than `most` of their time left; many at once, so that a flood costs few searches."""
        now = time.monotonic()
        waiting = [(left, id(one), one) for one in among if (left := one.patience.left(now)) < most]
        for _, _, connection in sorted(waiting)[:room]:
            self._end(connection, reason)

    def _end(self, connection: Connection, reason: str) -> None:
        self.forget(connection)
        connection.end()
        CONNECTIONS_ENDED.labels(reason).inc()


def connections_for(open_files: int) -> int:
    """How many connections a worker may have in a process that may have so many files open."""
    return max(MIN_CONNECTIONS, min(MAX_CONNECTIONS, open_files - RESERVED_FILES))


def _eighth(number: int) -> int:
    return max(1, number // 8)


def _network(address: Any) -> str:
    """Whose connection it is: an IPv4 address or an IPv6 /64, which one customer has; "" for a Unix socket."""
    return client_network(address[0]) if isinstance(address, tuple) else ""
