"""Heads and bodies that come by drops, hundreds at once: they must keep nobody out."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle

from tools.attack.result import Row, Size
from tools.attack.target import Target
from tools.attack.visits import visiting
from tools.chaos.installation import until
from tools.servers.wire import connect

DRIPPING = (
    b"GET /go/red1 HTTP/1.1\r\nX-A: ",
    b"POST /a HTTP/1.1\r\nContent-Length: 30000\r\n\r\n",
    b"POST /a HTTP/1.1\r\nContent-Length: 70000\r\n\r\n",
    b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7530\r\n",
)


def drip(target: Target, size: Size) -> Iterator[Row]:
    """From one address and from sixty, while a visitor of another address clicks, each time over a new connection."""
    for addresses in (1, 60):
        attackers = [f"127.0.1.{number}" for number in range(1, addresses + 1)]
        with (
            open_files(3 * size.connections),
            half_requests(target.port, attackers, size.connections) as held,
            visiting(target, "127.0.0.2", anew=True) as visits,
        ):
            time.sleep(size.seconds)
            holding = held()
        yield Row(
            f"{size.connections} heads and bodies by drops from {addresses} address{'es' if addresses > 1 else ''}, {size.seconds:g} s",
            "each click beside them is answered with 302",
            visits.all_redirected and holding > 0,
            f"{visits.figure}; {holding} half requests held",
        )


@contextmanager
def half_requests(port: int, sources: list[str], crowd: int) -> Iterator[Callable[[], int]]:
    """So many half requests that drip while the block runs, each opened anew when it is let go; a count of those that hold."""
    held: list[socket.socket] = []
    ended = threading.Event()
    kinds, addresses = cycle(DRIPPING), cycle(sources)

    def attack() -> None:
        while not ended.is_set():
            while len(held) < crowd:
                connection = connect(port, next(addresses))
                connection.setblocking(False)
                connection.sendall(next(kinds))
                held.append(connection)
            for connection in list(held):
                if not drips(connection):
                    held.remove(connection)
                    connection.close()
            ended.wait(0.5)

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        until(lambda: len(held) >= crowd * 0.9, "the half requests were not taken")
        yield lambda: len(held)
    finally:
        ended.set()
        thread.join()
        for connection in held:
            connection.close()


def drips(connection: socket.socket) -> bool:
    """Send a byte; whether the connection still lives."""
    try:
        connection.send(b"x")
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False


@contextmanager
def open_files(count: int) -> Iterator[None]:
    """Room for so many files in this process and those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(count, hard)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
