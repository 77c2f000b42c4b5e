"""How soon the system tells that whoever is at the other end of a connection is gone without a word.

A router that forgets a connection, a host that loses its power: no packet says so. Linux repeats what was sent for a quarter
of an hour, and asks after an idle connection for the first time after two hours (man 7 tcp); whoever waits for an answer
waits as long. Here both take some seconds, and no limit of an answer's time needs to be short for it.
"""

from __future__ import annotations

import socket
from typing import Final

IDLE_SECONDS: Final = 2  # without a packet, before the other end is asked whether it is there
INTERVAL_SECONDS: Final = 1  # between two such questions
# What was sent and not acknowledged for so long, or asked and not answered: the connection is given up. A network that is back
# before has lost nothing but time.
SECONDS: Final = 6
NEAR_SECONDS: Final = 4  # of Valkey, on whose answers everything waits, and which may be asked again


def _tcp(seconds: int) -> dict[int, int]:
    wanted = {  # not every system has all of them; where the last is missing the number of questions decides
        "TCP_KEEPIDLE": IDLE_SECONDS,
        "TCP_KEEPINTVL": INTERVAL_SECONDS,
        "TCP_KEEPCNT": (seconds - IDLE_SECONDS) // INTERVAL_SECONDS,
        "TCP_USER_TIMEOUT": seconds * 1000,
    }
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}


NEAR_TCP_OPTIONS: Final = _tcp(NEAR_SECONDS)  # of IPPROTO_TCP
SOCKET_OPTIONS: Final[list[tuple[int, int, int]]] = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *((socket.IPPROTO_TCP, name, value) for name, value in _tcp(SECONDS).items()),
]
# For our end of a connection to PostgreSQL; libpq leaves out what the system does not have, and all of it on a Unix socket.
LIBPQ: Final[dict[str, int]] = {
    "keepalives": 1,
    "keepalives_idle": IDLE_SECONDS,
    "keepalives_interval": INTERVAL_SECONDS,
    "keepalives_count": (SECONDS - IDLE_SECONDS) // INTERVAL_SECONDS,
    "tcp_user_timeout": SECONDS * 1000,
}
# For the server's end, which would hold the locks of a process that is gone for two hours.
POSTGRESQL_SESSION: Final[dict[str, int]] = {
    "tcp_keepalives_idle": IDLE_SECONDS,
    "tcp_keepalives_interval": INTERVAL_SECONDS,
    "tcp_keepalives_count": (SECONDS - IDLE_SECONDS) // INTERVAL_SECONDS,
    "tcp_user_timeout": SECONDS * 1000,
}
