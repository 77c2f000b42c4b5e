"""Telegram for the pipeline benchmark, in a process of its own: posts updates to webhooks and is the Bot API.

`python -m tools.benchmarks.telegram` reads its orders as one line of JSON from stdin, listens, and prints JSON lines. Raw
sockets and one selector, so that it leaves most of the machine to the application.
"""

from __future__ import annotations

import heapq
import json
import re
import selectors
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

CLOSED_LOOKS = 50
KNOWN, STRANGERS = 1_000_000, 10_000_000  # the first person of those who come again, of those who come once
MARK = re.compile(rb'(?:"text": ?"|text=|name="text"\r\n\r\n)m(\d+)')  # JSON, form or multipart
LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
# By number, number, person, person and number; as bytes at once, for what this process takes the measured system lacks.
UPDATE = (
    b'{"update_id": %d, "message": {"message_id": %d, '
    b'"from": {"id": %d, "is_bot": false, "first_name": "Ana", "language_code": "pt-br"}, '
    b'"chat": {"id": %d, "type": "private", "first_name": "Ana"}, "date": 1700000000, "text": "m%d"}}'
)
ANSWER = b'{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"},"text":"x"}}'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(ANSWER),
    ANSWER,
)


@dataclass(frozen=True)
class Webhook:
    """Where a bot's updates go: its path, and the head of a request but for the body's length."""

    path: str
    head: bytes

    @classmethod
    def of(cls, path: str, secret: str) -> Webhook:
        """The one at `path`, guarded by `secret` if that is not empty."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\nContent-Length: "
        )
        return cls(path, head.encode())


@dataclass
class Run:
    """One measurement: how many updates, at which rate (0: as fast as `window` unanswered ones allow).

    With `strangers` each update comes from somebody who never wrote before. At each of the `marks`, numbers of updates
    answered, a line says so; `linger` is how many seconds later replies are still counted.
    """

    updates: int
    rate: float
    window: int
    delay: float = 0.0
    strangers: bool = False
    marks: list[int] = field(default_factory=list)
    linger: float = 0.0
    posted: dict[int, float] = field(default_factory=dict)
    chats: dict[int, tuple[str, int]] = field(default_factory=dict)  # update -> path of its bot, person
    accepted: list[float] = field(default_factory=list)
    taken: dict[int, float] = field(default_factory=dict)  # update -> when its webhook had answered
    replied: dict[int, float] = field(default_factory=dict)  # update -> seconds to its first reply
    last: dict[tuple[str, int], int] = field(
        default_factory=dict
    )  # chat -> its latest update that was answered
    repeated: int = 0  # replies beyond the first of an update
    disordered: int = (
        0  # first replies after that of an update of their chat which was posted when theirs had been taken
    )
    refused: int = 0


class Telegram:
    """The selector loop over posting connections, API connections and delayed answers."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, ("listen", None))
        self.port = self._listener.getsockname()[1]
        self._due: list[tuple[float, int, socket.socket]] = []
        self._buffers: dict[int, bytes] = {}
        self._idle: deque[socket.socket] = deque()
        self._busy: dict[int, int] = {}
        self._number = 0
        self._strangers = 0
        self._web_port = 0
        self._run = Run(0, 0, 0)

    def connect(self, port: int, connections: int) -> None:
        """Open the posting connections."""
        self._web_port = port
        for _ in range(connections):
            self._connect()

    def _connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self._web_port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, ("post", connection))
        self._idle.append(connection)

    def measure(self, run: Run, bots: list[Webhook], chats: int, patience: float) -> dict[str, Any]:
        """Post the run's updates round robin over bots and chats until all are answered or `patience` (s) is over."""
        self._run = run
        for _ in range(CLOSED_LOOKS):
            self._turn(0.0)  # connections that were kept too long since the last run
        began = time.perf_counter()
        sent = 0
        while len(run.replied) < run.updates and time.perf_counter() - began < patience:
            now = time.perf_counter()
            while sent < run.updates and self._idle and self._may_post(run, sent, now - began):
                bot = bots[sent % len(bots)]
                self._post(bot, self._person(run, sent // len(bots) % chats))
                sent += 1
            self._turn(0.0005 if sent < run.updates or self._due else 0.01)
        ended = time.perf_counter()
        while time.perf_counter() < ended + run.linger:
            self._turn(0.01)
        return self._report(run, ended - began)

    def _person(self, run: Run, chat: int) -> int:
        if not run.strangers:
            return KNOWN + chat
        self._strangers += 1
        return STRANGERS + self._strangers

    def _may_post(self, run: Run, sent: int, elapsed: float) -> bool:
        return sent < elapsed * run.rate if run.rate else sent - len(run.replied) < run.window

    def _post(self, bot: Webhook, sender: int) -> None:
        self._number += 1
        number = self._number
        body = UPDATE % (number, number, sender, sender, number)
        connection = self._idle.popleft()
        self._busy[connection.fileno()] = number
        self._run.posted[number] = time.perf_counter()
        self._run.chats[number] = (bot.path, sender)
        connection.sendall(b"%b%d\r\n\r\n%b" % (bot.head, len(body), body))

    def _turn(self, patience: float) -> None:
        for key, _ in self._selector.select(patience):
            role, connection = key.data
            if role == "listen":
                self._accept()
            elif role == "post":
                self._posted(connection)
            else:
                self._called(connection)
        now = time.perf_counter()
        while self._due and self._due[0][0] <= now:
            self._answer(heapq.heappop(self._due)[2])

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, ("call", connection))

    def _posted(self, connection: socket.socket) -> None:
        received = connection.recv(65536)
        if not received:  # kept too long: open another
            self._drop(connection)
            self._connect()
            return
        data = self._buffers.pop(connection.fileno(), b"") + received
        if b"\r\n\r\n" not in data:
            self._buffers[connection.fileno()] = data
            return
        number = self._busy.pop(connection.fileno())
        if number not in self._run.posted:
            pass  # its run ended with its reply
        elif data[9:12] == b"200":
            self._run.taken[number] = time.perf_counter()
            self._run.accepted.append(self._run.taken[number] - self._run.posted[number])
        else:
            self._run.refused += 1
        self._idle.append(connection)

    def _drop(self, connection: socket.socket) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._run.refused += self._busy.pop(connection.fileno(), None) is not None
        self._selector.unregister(connection)
        connection.close()

    def _called(self, connection: socket.socket) -> None:
        try:
            received = connection.recv(65536)
        except ConnectionResetError:  # whoever called was killed
            received = b""
        if not received:
            self._buffers.pop(connection.fileno(), None)
            self._selector.unregister(connection)
            connection.close()
            return
        data = self._buffers.pop(connection.fileno(), b"") + received
        head, mark, body = data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not mark or length is None or len(body) < int(length[1]):
            self._buffers[connection.fileno()] = data
            return
        now = time.perf_counter()
        self._note(body, now)
        if self._run.delay:
            heapq.heappush(self._due, (now + self._run.delay, connection.fileno(), connection))
        else:
            self._answer(connection)

    @staticmethod
    def _answer(connection: socket.socket) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # whoever called was killed
            connection.sendall(OK)

    def _note(self, body: bytes, now: float) -> None:
        found = MARK.search(body)
        number = int(found[1]) if found is not None else 0
        run = self._run
        if number in run.replied:
            run.repeated += 1
        elif number in run.posted:
            run.replied[number] = now - run.posted[number]
            chat = run.chats[number]
            last = run.last.get(chat, 0)
            run.disordered += number < last and run.taken.get(number, now) < run.posted[last]
            run.last[chat] = max(number, last)
            if run.marks and len(run.replied) >= run.marks[0]:
                print(json.dumps({"mark": run.marks.pop(0)}), flush=True)

    @staticmethod
    def _report(run: Run, seconds: float) -> dict[str, Any]:
        return {
            "seconds": round(seconds, 3),
            "posted": len(run.posted),
            "posts_per_second": _pace(list(run.posted.values())),
            "refused": run.refused,
            "replies": len(run.replied),
            "repeated": run.repeated,
            "disordered": run.disordered,
            "rate": round(len(run.replied) / seconds, 1),
            "reply_ms": _percentiles(list(run.replied.values())),
            "webhook_ms": _percentiles(run.accepted),
        }


def _pace(moments: list[float]) -> float:
    """From the first of these moments to the last, in a second."""
    return round((len(moments) - 1) / (moments[-1] - moments[0]), 1) if len(moments) > 1 else 0.0


def _percentiles(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    if not ordered:
        return {}
    return {
        f"p{share}": round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000, 1)
        for share in (50, 95, 99)
    }


def main() -> None:
    """Say the port, then answer each order line with a report line."""
    telegram = Telegram()
    print(json.dumps({"port": telegram.port}), flush=True)
    orders = json.loads(sys.stdin.readline())
    telegram.connect(orders["web_port"], orders["connections"])
    webhooks = [Webhook.of(**bot) for bot in orders["bots"]]
    for line in sys.stdin:
        order = json.loads(line)
        names = ("updates", "rate", "window", "delay", "strangers", "marks", "linger")
        run = Run(**{name: order[name] for name in names if name in order})
        chosen = [webhooks[index] for index in order.get("bots", range(len(webhooks)))]
        report = telegram.measure(run, chosen, orders["chats"], order["patience"])
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
