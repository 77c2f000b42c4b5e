"""A client of the web process that sends what it is told, from whichever address of the loopback."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlencode

PATIENCE_SECONDS = 30.0  # only a hang reaches it
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        """The body as text, whatever it holds."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body's JSON; ValueError when it is none."""
        return json.loads(self.body)


class Client:
    """One keep-alive connection, opened anew when it was closed; `headers` go with every request, and cookies are kept."""

    def __init__(self, port: int, source: str = "127.0.0.1", **headers: str) -> None:
        self._port, self._source = port, source
        self.headers = _named(headers)
        self._cookies: dict[str, str] = {}
        self._connection = self._new()

    def get(self, path: str, **headers: str) -> Answer:
        """GET; in names of headers `_` stands for `-`."""
        return self.ask("GET", path, _named(headers))

    def post_json(self, path: str, value: Any, method: str = "POST", **headers: str) -> Answer:
        """POST a value as JSON."""
        return self.ask(
            method, path, {"Content-Type": "application/json", **_named(headers)}, json.dumps(value).encode()
        )

    def submit(self, page: str, target: str = "", **fields: str) -> Answer:
        """Fill in the form of a page and send it to `target`, or to the page."""
        content = urlencode({"csrf_token": self.csrf_token(page), **fields}).encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", target or page, form, content)

    def csrf_token(self, page: str) -> str:
        """The token in the forms of a page; LookupError when it has none."""
        answer = self.get(page)
        found = TOKEN.search(answer.text)
        if found is None:
            raise LookupError(f"no form on {page}: {answer.status}")
        return found[1]

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Any request; once more over a new connection when the kept one had been closed. OSError when that fails too."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        whole = {**self.headers, **({"Cookie": cookies} if cookies else {}), **(headers or {})}
        began = time.perf_counter()
        try:
            answer = self._send(method, path, whole, body)
        except (OSError, http.client.HTTPException):
            self.close()
            self._connection = self._new()
            try:
                answer = self._send(method, path, whole, body)
            except http.client.HTTPException as error:
                raise ConnectionError(f"{method} {path[:80]}: {error!r}") from error
        content = answer.read()
        self._keep_cookies(answer.headers)
        return Answer(answer.status, answer.headers, content, time.perf_counter() - began)

    def cookie(self, name: str) -> str:
        """A cookie that was set."""
        return self._cookies[name]

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._connection.close()

    def _new(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=PATIENCE_SECONDS, source_address=(self._source, 0)
        )

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> http.client.HTTPResponse:
        self._connection.request(method, path, body, dict(headers))
        return self._connection.getresponse()

    def _keep_cookies(self, headers: Message) -> None:
        for line in headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name.strip()] = value.strip()


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
