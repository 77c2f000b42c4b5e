"""HTTP for visitors: loopback only, redirects read but never followed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from tools.sandbox.addresses import is_loopback

TIMEOUT = 10.0
_USERNAME = re.compile(r"/([A-Za-z][A-Za-z0-9_]{4,31})")


class NotLoopbackError(ValueError):
    """An address that is not on this machine."""


@dataclass(frozen=True)
class Landing:
    """Where a click led: status, and bot and payload when it was a bot link."""

    status: int
    username: str = ""
    payload: str = ""


def check_loopback(url: str) -> str:
    """The address without a trailing slash. NotLoopbackError for other machines."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not is_loopback(parts.hostname or ""):
        raise NotLoopbackError(f"visitors go to loopback addresses only, not to {url}")
    return url.rstrip("/")


class Wire:
    """Requests to the /go link and to the sandbox's control API."""

    def __init__(self, go: str, sandbox: str, *, proxied: bool = False) -> None:
        self.proxied = proxied  # whether clicks come as through a reverse proxy
        self.go = check_loopback(go)
        self.sandbox = check_loopback(sandbox)
        self._pools = urllib3.PoolManager(maxsize=32, timeout=TIMEOUT, retries=False)

    def click(self, method: str, headers: dict[str, str], query: str) -> Landing:
        """Open the link once; status 0 when nobody answers."""
        url = f"{self.go}?{query}" if query else self.go
        try:
            answer = self._pools.request(method, url, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError:
            return Landing(0)
        return read_location(answer.status, answer.headers.get("Location", ""))

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Call the control API; None for every refusal."""
        try:
            answer = self._pools.request(
                method, f"{self.sandbox}/sandbox/api{path}", json=body or {} if method != "GET" else None
            )
        except urllib3.exceptions.HTTPError:
            return None
        if answer.status >= 400:
            return None
        values: dict[str, Any] = json.loads(answer.data)
        return values


def read_location(status: int, location: str) -> Landing:
    """Bot and payload of a redirect; the address is only read, whatever host it names."""
    parts = urlsplit(location)
    match = _USERNAME.fullmatch(parts.path)
    if status not in (301, 302, 303, 307, 308) or match is None:
        return Landing(status)
    return Landing(status, match.group(1), parse_qs(parts.query).get("start", [""])[0])
