"""The sandbox that plays Telegram, as the harness uses it: bots, updates, faults, and the journal of what arrived."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

PAGE = 5000


class Telegram:
    """A client of the sandbox's control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = build_opener(ProxyHandler({}))

    def post(self, path: str, **values: Any) -> Any:
        """POST to the control API; the JSON of its answer."""
        return self._ask(path, json.dumps(values).encode())

    def get(self, path: str) -> Any:
        """GET from the control API."""
        return self._ask(path, None)

    def clear_faults(self) -> None:
        """End all scripted faults."""
        self._ask("/faults", None, "DELETE")

    def journal(self, since: int) -> list[dict[str, Any]]:
        """All accepted calls after sequence number `since`."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/sent?since={since}&limit={PAGE}")["sent"]
            found += page
            if len(page) < PAGE:
                return found
            since = page[-1]["seq"]

    def _ask(self, path: str, body: bytes | None, method: str | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/sandbox/api{path}", body, headers, method=method)
        with self._opener.open(request, timeout=30) as answer:
            return json.load(answer)
