"""Whether the client of the present request has hung up meanwhile, for requests that wait."""

from __future__ import annotations

import socket
from typing import Any, Final

SOCKETS: Final = ("gunicorn.socket", "werkzeug.socket")  # in the environ of the servers that we run under
ESTABLISHED: Final = 1  # of Linux' TCP states: the first byte of TCP_INFO


def has_left(environ: dict[str, Any]) -> bool:
    """True when the connection of a request is known to be closed; False too where that cannot be known."""
    found = next((environ[name] for name in SOCKETS if name in environ), None)
    if found is None or not hasattr(socket, "TCP_INFO"):
        return False
    try:
        state: int = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:  # a socket of another kind, or gone altogether
        return bool(found.fileno() < 0)
    return state != ESTABLISHED
