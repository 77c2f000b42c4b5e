"""Clients that speak HTTP in bytes, as far as wanted and no further."""

from __future__ import annotations

import re
import socket
from contextlib import suppress

PATIENCE = 30.0  # seconds; only a hang reaches it


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    """A connection from one of the loopback's addresses; it must be closed."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side ends it."""
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received += data
    return bytes(received)


def ask(connection: socket.socket, request: bytes) -> bytes:
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
