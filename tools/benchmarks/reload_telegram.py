"""Telegram for the reload benchmark: posts at a steady rate until told to stop, and notes which version answered whom.

As `tools.benchmarks.telegram`, but an order is {"rate": …, "patience": …}, a line `stop` on stdin ends the posting, and the report
is {"posted": …, "replies": [[seconds, number, version, process, loaded], …]} with monotonic seconds, the same in all
processes; `loaded` is when the process began to import the version.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from typing import Any

from tools.benchmarks.telegram import KNOWN, Run, Telegram, Webhook

REPLY = re.compile(rb'(?:"text": ?"|text=|name="text"\r\n\r\n)m(\d+)\.([\w-]+)\.(\d+)\.(\d+)')


class Recorder(Telegram):
    """A Telegram that remembers each reply."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[tuple[float, int, str, int, float]] = []
        self._answered: set[int] = set()

    def post_until(
        self, stopped: threading.Event, rate: float, bots: list[Webhook], chats: int, patience: float
    ) -> dict[str, Any]:
        """Post until `stopped`, then wait until all are answered, `patience` seconds at most."""
        self._run = Run(0, rate, 0)
        began, sent, ended = time.perf_counter(), 0, 0.0
        while not ended or (len(self._answered) < sent and time.perf_counter() - ended < patience):
            if stopped.is_set():
                ended = ended or time.perf_counter()
            elif self._idle and sent < (time.perf_counter() - began) * rate:
                self._post(bots[sent % len(bots)], KNOWN + sent // len(bots) % chats)
                sent += 1
            self._turn(0.0005)
        return {"posted": sent, "refused": self._run.refused, "replies": self.replies}

    def _note(self, body: bytes, now: float) -> None:
        found = REPLY.search(body)
        if found is not None:
            number = int(found[1])
            self._answered.add(number)
            self.replies.append(
                (time.monotonic(), number, found[2].decode(), int(found[3]), int(found[4]) / 1000)
            )


def main() -> None:
    """Say the port, take the orders, post, report."""
    telegram = Recorder()
    print(json.dumps({"port": telegram.port}), flush=True)
    orders = json.loads(sys.stdin.readline())
    telegram.connect(orders["web_port"], orders["connections"])
    order = json.loads(sys.stdin.readline())
    stopped = threading.Event()

    def wait() -> None:
        sys.stdin.readline()
        stopped.set()

    threading.Thread(target=wait, daemon=True).start()
    bots = [Webhook.of(**bot) for bot in orders["bots"]]
    report = telegram.post_until(stopped, order["rate"], bots, orders["chats"], order["patience"])
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
