"""Ports of this machine."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def try_listen(host: str, port: int) -> None:
    """Raise OSError when nothing could listen on `port` now; connections that just ended do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def is_free(port: int) -> bool:
    """Whether a program could listen on the port of the loopback interface."""
    try:
        try_listen(LOOPBACK, port)
    except (OSError, OverflowError):
        return False
    return True


def free_port() -> int:
    """Some port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
