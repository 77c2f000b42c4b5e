"""Visitors: so many clicks a second on one link, each a connection of its own, begun when it is due whatever the others do."""

from __future__ import annotations

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

VISITORS = 64  # at once
PATIENCE_SECONDS = 15.0
BROWSER = (
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36"
)


@dataclass(frozen=True)
class Answer:
    """What a visitor got: the status (0: no answer), the click's id in the link, and s from when it was due."""

    at: float  # epoch s
    status: int
    click: str
    seconds: float
    error: str = ""


class Visitors:
    """Clicks on `path` at `port` from `start` until `stop`."""

    def __init__(self, port: int, path: str, per_second: float) -> None:
        self._port, self._path, self._per_second = port, path, per_second
        self._pool = ThreadPoolExecutor(VISITORS, thread_name_prefix="visitor")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._come, daemon=True, name="visitors")
        self.answers: list[Answer] = []

    def start(self) -> None:
        """Let them come."""
        self._thread.start()

    def stop(self) -> None:
        """No more; those under way are waited for."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()

    def _come(self) -> None:
        began, number = time.monotonic(), 0
        while not self._ended.wait(max(0.0, began + number / self._per_second - time.monotonic())):
            self._pool.submit(self._click, began + number / self._per_second, number)
            number += 1

    def _click(self, due: float, number: int) -> None:
        status, click, error = 0, "", ""
        try:
            status, link = visit(self._port, f"{self._path}?utm_source=upgrade&utm_content={number}")
            click = click_id(link)
        except (OSError, http.client.HTTPException) as failure:
            error = f"{type(failure).__name__}: {failure}"
        self.answers.append(Answer(time.time(), status, click, time.monotonic() - due, error))


def visit(port: int, path: str) -> tuple[int, str]:
    """The status and where it leads, as to a browser that opens a connection. Raises OSError and HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": BROWSER, "Accept-Language": "pt-BR"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Location") or ""
    finally:
        connection.close()


def click_id(link: str) -> str:
    """The click in `…?start=<param>_<click>`; "" when there is none."""
    return parse_qs(urlsplit(link).query).get("start", [""])[0].rpartition("_")[2]
