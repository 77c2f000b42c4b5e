"""One webhook request over a kept-alive connection, and what its outcome means."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import urllib3

from tools.sandbox.addresses import is_near
from tools.sandbox.model import Webhook

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 60.0
"""Seconds; Telegram waits up to 60 s for an answer."""
POOL_SIZE = 100
"""Kept-alive connections per receiver; max_connections goes up to 100."""
FAR_AWAY = "The sandbox delivers to loopback and allowed hosts only"
logging.getLogger("urllib3").setLevel(logging.ERROR)
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # near hosts have no real certificates


@dataclass(frozen=True)
class Outcome:
    """How a delivery ended; ``error`` is what getWebhookInfo shows."""

    ok: bool
    status: int = 0
    error: str = ""
    retry_after: float | None = None
    body: bytes = b""


class Poster:
    """Posts updates; one pool of connections per receiving host."""

    def __init__(self, near_hosts: frozenset[str], read_timeout: float = READ_TIMEOUT) -> None:
        self._near_hosts = near_hosts
        self._pools = urllib3.PoolManager(
            num_pools=64,
            maxsize=POOL_SIZE,
            block=False,
            cert_reqs="CERT_NONE",
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=read_timeout),
        )

    def post(self, hook: Webhook, update: dict[str, Any]) -> Outcome:
        """Deliver one update. Never raises for what the receiver does."""
        if not is_near(urlsplit(hook.url).hostname or "", self._near_hosts):
            return Outcome(False, error=FAR_AWAY)
        headers = {"Content-Type": "application/json", "Connection": "keep-alive"}
        if hook.secret_token:
            headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret_token
        body = json.dumps(update, separators=(",", ":")).encode()
        try:
            answer = self._pools.request("POST", hook.url, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            return Outcome(False, error=_transport_error(error))
        return _judge(answer)


def _judge(answer: urllib3.BaseHTTPResponse) -> Outcome:
    if 200 <= answer.status < 300:
        return Outcome(True, answer.status, body=answer.data)
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    error = f"Wrong response from the webhook: {answer.status} {phrase}".rstrip()
    return Outcome(False, answer.status, error, _retry_after(answer.headers.get("Retry-After")))


def _retry_after(value: str | None) -> float | None:
    return float(value) if value and value.isdigit() else None


def _transport_error(error: urllib3.exceptions.HTTPError) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "Connection refused"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return "Connection timed out"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "Read timeout expired"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "SSL error {error:0A000086:SSL routines::certificate verify failed}"
    return "Connection reset by peer"
