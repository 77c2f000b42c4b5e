"""A bot's program that says back what it is told: `python -m tools.benchmarks.echo_worker WAY [--threads 16]`.

WAY is `runtime` or `botapi`. API_URL and WORKER_TOKEN are in the environment. Several threads work over kept connections, so that
what is measured is the way and not the program; it is the standard library alone, and starts in some 50 ms.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

MOST = int(os.environ.get("MOST", "100"))  # updates asked for at once
ADDRESS = urlsplit(os.environ["API_URL"])
TOKEN = os.environ["WORKER_TOKEN"]
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


class Connection:
    """One kept connection to the installation; it is opened anew when it was lost, and the request repeated."""

    def __init__(self) -> None:
        self._connection = self._new()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer."""
        content = None if body is None else json.dumps(body)
        while True:
            try:
                self._connection.request(method, path, content, HEADERS)
                return json.loads(self._connection.getresponse().read() or b"{}")
            except (OSError, http.client.HTTPException):
                self._connection.close()
                self._connection = self._new()

    @staticmethod
    def _new() -> http.client.HTTPConnection:
        return http.client.HTTPConnection(ADDRESS.hostname or "", ADDRESS.port, timeout=60)


def echo(message: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the answer to a message."""
    return {"chat_id": message["chat"]["id"], "text": message["text"]}


def call(message: dict[str, Any]) -> dict[str, Any]:
    """The same as a call."""
    return {"method": "sendMessage", "params": echo(message)}


def runtime(threads: int) -> None:
    """Take updates, and answer what was taken together in one request."""

    def work() -> None:
        connection = Connection()
        while True:
            found = connection.ask("GET", f"/api/v1/runtime/next?wait=20&limit={MOST}").get("items", ())
            answers = [{"lease": item["lease"], "calls": [call(item["update"]["message"])]} for item in found]
            if answers:
                connection.ask("POST", "/api/v1/runtime/responses", {"answers": answers})

    start(threads - 1, work)
    work()


def botapi(threads: int) -> None:
    """Take updates by getUpdates, as a library does that handles them side by side."""
    work: queue.Queue[dict[str, Any]] = queue.Queue(threads)  # no more is taken than is soon answered
    base = f"/botapi/bot{TOKEN}"

    def answer() -> None:
        connection = Connection()
        while True:
            connection.ask("POST", f"{base}/sendMessage", echo(work.get()["message"]))

    start(threads, answer)
    connection, offset = Connection(), 0
    while True:
        asked = {"offset": offset, "timeout": 20, "limit": MOST}
        for update in connection.ask("POST", f"{base}/getUpdates", asked).get("result", ()):
            offset = update["update_id"] + 1
            work.put(update)


def start(threads: int, answer: Any) -> None:
    """So many threads that answer for ever."""
    for _ in range(threads):
        threading.Thread(target=answer, daemon=True).start()


if __name__ == "__main__":
    {"runtime": runtime, "botapi": botapi}[sys.argv[1]](int(sys.argv[2]))
