"""Ports of this machine."""

from __future__ import annotations

import random
import time

from launch.interrupts import pause
from services.core.errors import Unavailable
from services.core.listening import try_listen

LOOPBACK = "127.0.0.1"
LISTENING_PORTS = (20_000, 32_768)
ATTEMPTS = 200
PATIENCE_SECONDS = 2.0  # a web process whose launcher was killed is about to let the port go


def check_port(host: str, port: int) -> None:
    """Raise Unavailable when PORT is taken and stays so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            try_listen(host, port)
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"PORT: {port} cannot be listened on ({error.strerror}); give another, as in "
                    "`make run PORT=8080`"
                ) from None
        pause(0.1)


def is_free(port: int) -> bool:
    """Whether a program could listen on the port of the loopback interface."""
    try:
        try_listen(LOOPBACK, port)
    except (OSError, OverflowError):
        return False
    return True


def free_port() -> int:
    """Some port that nobody listens on. Raises Unavailable when none is found.

    Below the ports that Linux gives to outgoing connections (32768 and up, ip_local_port_range): one of those may be
    gone before the program that was meant to listen there has started.
    """
    for _ in range(ATTEMPTS):
        if is_free(port := random.randrange(*LISTENING_PORTS)):
            return port
    raise Unavailable("no free port was found on this machine")
