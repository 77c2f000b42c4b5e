"""Calls to other people's HTTP APIs, as a plugin makes them: `ctx.http.get("https://…")`."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class HttpError(Exception):
    """An API did not answer as it should. `status` is HTTP's, 0 for no answer; `code` is one of

    refused (no public https address), unreachable, timeout, status, too_large, not_json, or open (it has failed too often,
    and is left alone for a while).
    """

    def __init__(self, code: str, status: int = 0) -> None:
        super().__init__(f"{code}{f' {status}' if status else ''}")
        self.code = code
        self.status = status


@dataclass(frozen=True)
class HttpAnswer:
    """A good answer (2xx). `is_cached`: the API does not answer now, and this is what it said the last time."""

    status: int
    body: bytes
    is_cached: bool = False

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON. HttpError `not_json`."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise HttpError("not_json", self.status) from None


class HttpClient(ABC):
    """Calls with a time limit, repetitions, a circuit breaker, and the last good answer to fall back on."""

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, keep_seconds: int = 0) -> HttpAnswer:
        """GET a public https address. HttpError when it fails.

        With `keep_seconds` its answer is kept so long, and given instead while the API does not answer.
        """
        return self.request("GET", url, headers=headers, keep_seconds=keep_seconds)

    def post(self, url: str, body: Any, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """POST `body` as JSON; sent once more only when it cannot have arrived. HttpError when it fails."""
        return self.request("POST", url, body=body, headers=headers)

    @abstractmethod
    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        keep_seconds: int = 0,
    ) -> HttpAnswer:
        """Any call."""


def value_at(found: Any, path: str) -> Any:
    """What stands at `path` ("main.temp", "0.name") of a JSON value; None for nothing."""
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


class NoHttp(HttpClient):
    """Where nobody may be called."""

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        keep_seconds: int = 0,
    ) -> HttpAnswer:
        """See HttpClient."""
        raise HttpError("unreachable")
