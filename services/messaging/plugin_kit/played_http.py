"""Other people's APIs in a plugin's test: they answer what the test has said, and nothing is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from plugins.http import HttpAnswer, HttpClient, HttpError


class PlayedHttp(HttpClient):
    """`answers` gives by URL the JSON that is answered, or the HttpError; `requests` is what was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.requests: list[tuple[str, str, Any]] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        keep_seconds: int = 0,
    ) -> HttpAnswer:
        """See HttpClient. AssertionError for a URL that the test has not foreseen."""
        self.requests.append((method, url, body))
        if url not in self.answers:
            raise AssertionError(f"{url} was asked for; the test knows {sorted(self.answers)}")
        answer = self.answers[url]
        if isinstance(answer, HttpError):
            raise answer
        return HttpAnswer(200, json.dumps(answer).encode())
