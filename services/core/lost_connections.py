"""How soon the system tells that whoever is at the other end of a connection is gone without a word.

A router that forgets a connection, a host that loses its power: no packet says so. Linux repeats what was sent for a quarter
of an hour, and asks after an idle connection for the first time after two hours (man 7 tcp); whoever waits for an answer
waits as long. Here both take some seconds, and no limit of an answer's time needs to be short for it.
"""

from __future__ import annotations

import socket
from typing import Final

IDLE_SECONDS: Final = 3  # without a packet, before the other end is asked whether it is there
INTERVAL_SECONDS: Final = 1  # between two such questions
QUESTIONS: Final = 3  # without an answer, then the connection is given up
UNACKNOWLEDGED_SECONDS: Final = 6  # what was sent and not acknowledged for so long: the same

_WANTED: Final = {  # not every system has all of them
    "TCP_KEEPIDLE": IDLE_SECONDS,
    "TCP_KEEPINTVL": INTERVAL_SECONDS,
    "TCP_KEEPCNT": QUESTIONS,
    "TCP_USER_TIMEOUT": UNACKNOWLEDGED_SECONDS * 1000,
}
TCP_OPTIONS: Final[dict[int, int]] = {  # of IPPROTO_TCP
    getattr(socket, name): value for name, value in _WANTED.items() if hasattr(socket, name)
}
SOCKET_OPTIONS: Final[list[tuple[int, int, int]]] = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, name, value) for name, value in TCP_OPTIONS.items()),
]
# For our end of a connection to PostgreSQL; libpq leaves out what the system does not have, and all of it on a Unix socket.
LIBPQ: Final[dict[str, int]] = {
    "keepalives": 1,
    "keepalives_idle": IDLE_SECONDS,
    "keepalives_interval": INTERVAL_SECONDS,
    "keepalives_count": QUESTIONS,
    "tcp_user_timeout": UNACKNOWLEDGED_SECONDS * 1000,
}
# For the server's end, which would hold the locks of a process that is gone for two hours.
POSTGRESQL_SESSION: Final[dict[str, int]] = {
    "tcp_keepalives_idle": IDLE_SECONDS,
    "tcp_keepalives_interval": INTERVAL_SECONDS,
    "tcp_keepalives_count": QUESTIONS,
    "tcp_user_timeout": UNACKNOWLEDGED_SECONDS * 1000,
}
