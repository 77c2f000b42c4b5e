"""A load driver on raw sockets: N connections, each asking again as soon as it was answered (closed loop), or all
together at a steady rate whatever the answers do (open loop; times count from when a request was due).

`python -m benchmarks.load PORT SECONDS CONNECTIONS [RATE]` prints JSON. It runs in a process of its own, so that it never
shares an interpreter with the server.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field

PERSON = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
REQUEST = (
    "GET /go/red1?utm_source=fb&utm_campaign=x&fbclid=IwAR0abcdef HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    f"User-Agent: {PERSON}\r\nAccept: text/html\r\nAccept-Language: pt-BR,pt;q=0.9\r\n"
    "Referer: https://l.instagram.com/\r\n\r\n"
).encode()


@dataclass
class Load:
    """What a run saw: answers by status, and times to answer in milliseconds."""

    seconds: float
    statuses: dict[str, int] = field(default_factory=dict)
    p50: float = 0
    p99: float = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds


def measure(port: int, seconds: float, connections: int = 32, rate: float = 0) -> Load:
    """Run the driver in another process; a `rate` (requests a second) makes it an open loop."""
    command = [sys.executable, "-m", "benchmarks.load", str(port), str(seconds), str(connections), str(rate)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Load(**json.loads(answer))


def drive(port: int, seconds: float, connections: int, rate: float) -> Load:
    """Ask for so many seconds."""
    selector = selectors.DefaultSelector()
    idle: deque[socket.socket] = deque()
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, connection)
        idle.append(connection)
    due_at: dict[int, float] = {}
    buffers: dict[int, bytes] = {}
    statuses: dict[str, int] = {}
    times: list[float] = []
    began = time.perf_counter()
    asked = 0
    while (now := time.perf_counter()) < began + seconds:
        while idle and (not rate or began + asked / rate <= now):
            connection = idle.popleft()
            due_at[connection.fileno()] = began + asked / rate if rate else time.perf_counter()
            connection.sendall(REQUEST)
            asked += 1
        pause = max(0.0, began + asked / rate - now) if rate and idle else 0.1
        for key, _ in selector.select(pause):
            data = buffers.pop(key.fd, b"") + key.data.recv(65536)
            if not _is_whole(data):
                buffers[key.fd] = data
                continue
            times.append(time.perf_counter() - due_at[key.fd])
            status = data[9:12].decode()
            statuses[status] = statuses.get(status, 0) + 1
            idle.append(key.data)
    times.sort()
    return Load(
        round(time.perf_counter() - began, 3),
        statuses,
        round(times[len(times) // 2] * 1000, 2),
        round(times[len(times) * 99 // 100] * 1000, 2),
    )


def _is_whole(data: bytes) -> bool:
    """Whether an answer has arrived with its body."""
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark:
        return False
    _, _, after = head.lower().partition(b"content-length:")
    return len(body) >= int(after.partition(b"\r\n")[0] or b"0")


if __name__ == "__main__":
    print(
        json.dumps(asdict(drive(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
    )
