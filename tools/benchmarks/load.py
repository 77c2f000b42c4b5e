"""A load driver on raw sockets: N connections, each asking again as soon as it was answered (closed loop), or all
together at a steady rate whatever the answers do (open loop; times count from when a request was due).

`python -m tools.benchmarks.load ORDER`, where ORDER is JSON, prints JSON. It runs in a process of its own, so that it never
shares an interpreter with the server, and ends early on SIGTERM.
"""

from __future__ import annotations

import json
import selectors
import signal
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from itertools import cycle

PERSON = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
QUERY = "?utm_source=fb&utm_campaign=x&fbclid=IwAR0abcdef"
HEADERS = (
    "Host: 127.0.0.1\r\n"
    f"User-Agent: {PERSON}\r\nAccept: text/html\r\nAccept-Language: pt-BR,pt;q=0.9\r\n"
    "Referer: https://l.instagram.com/\r\n"
)
PATIENCE_SECONDS = 5.0  # for the answers that are still missing in the end


@dataclass(frozen=True)
class Order:
    """What to do: until `seconds` are over or `count` requests are made, whichever is first (0 = no such end)."""

    port: int
    seconds: float
    count: int = 0
    connections: int = 32
    rate: float = 0  # requests a second; makes it an open loop
    slugs: tuple[str, ...] = ("red1",)
    stamped: bool = False  # each request says in X-Sent when it was sent, on this machine's monotonic clock
    traced: bool = False  # keep every answer


@dataclass
class Load:
    """What a run saw: answers by status, times to answer in milliseconds, requests made.

    `trace` holds [sent, answered, Location] of each answer, in seconds of this machine's monotonic clock.
    """

    seconds: float
    asked: int
    statuses: dict[str, int] = field(default_factory=dict)
    p50: float = 0
    p99: float = 0
    worst: float = 0
    trace: list[tuple[float, float, str]] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """How many answers came."""
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


class Driver:
    """One run."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._requests = cycle(
            [f"GET /go/{slug}{QUERY} HTTP/1.1\r\n{HEADERS}".encode() for slug in order.slugs]
        )
        self._selector = selectors.DefaultSelector()
        self._idle: deque[socket.socket] = deque()
        self._due: dict[int, tuple[float, float]] = {}
        self._buffers: dict[int, bytes] = {}
        self._answers: list[tuple[float, float, float, bytes]] = []  # due, sent, answered, head
        self._asked = 0
        self._stopped = False

    def run(self) -> Load:
        """Ask until the end of the order or a SIGTERM, then wait for the last answers."""
        signal.signal(signal.SIGTERM, self._stop)
        for _ in range(self._order.connections):
            self._connect()
        began = time.monotonic()
        while not self._stopped and not self._is_done(time.monotonic() - began):
            self._ask(began)
            self._listen(self._pause(began))
        seconds = time.monotonic() - began
        while self._due and time.monotonic() < began + seconds + PATIENCE_SECONDS:
            self._listen(0.1)
        return self._result(seconds)

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def _is_done(self, seconds: float) -> bool:
        return seconds >= self._order.seconds or 0 < self._order.count <= self._asked

    def _connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self._order.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, connection)
        self._idle.append(connection)

    def _ask(self, began: float) -> None:
        """Send what is due, as far as connections are free."""
        rate, count = self._order.rate, self._order.count
        while self._idle and not 0 < count <= self._asked:
            now = time.monotonic()
            due = began + self._asked / rate if rate else now
            if due > now:
                return
            connection = self._idle.popleft()
            self._due[connection.fileno()] = (due, now)
            stamp = b"X-Sent: %.6f\r\n" % now if self._order.stamped else b""
            connection.sendall(next(self._requests) + stamp + b"\r\n")
            self._asked += 1

    def _pause(self, began: float) -> float:
        if not self._order.rate or not self._idle:
            return 0.1
        return min(0.1, max(0.0, began + self._asked / self._order.rate - time.monotonic()))

    def _listen(self, pause: float) -> None:
        for key, _ in self._selector.select(pause):
            received = key.data.recv(65536)
            if not received:
                raise ConnectionError("the server closed a connection that it should keep")
            data = self._buffers.pop(key.fd, b"") + received
            if not _is_whole(data):
                self._buffers[key.fd] = data
                continue
            self._answers.append((*self._due.pop(key.fd), time.monotonic(), data[:400]))
            self._idle.append(key.data)

    def _result(self, seconds: float) -> Load:
        times = sorted(answered - due for due, _, answered, _ in self._answers) or [0.0]
        trace = [(sent, answered, _location(head)) for _, sent, answered, head in self._answers]
        return Load(
            round(seconds, 3),
            self._asked,
            dict(Counter(head[9:12].decode() for *_, head in self._answers)),
            round(times[len(times) // 2] * 1000, 2),
            round(times[len(times) * 99 // 100] * 1000, 2),
            round(times[-1] * 1000, 2),
            trace if self._order.traced else [],
        )


def _is_whole(data: bytes) -> bool:
    """Whether an answer has arrived with its body."""
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark:
        return False
    _, _, after = head.lower().partition(b"content-length:")
    return len(body) >= int(after.partition(b"\r\n")[0] or b"0")


def _location(head: bytes) -> str:
    _, _, after = head.partition(b"\r\nLocation: ")
    return after.partition(b"\r\n")[0].decode()


if __name__ == "__main__":
    print(json.dumps(asdict(Driver(Order(**json.loads(sys.argv[1]))).run())))
