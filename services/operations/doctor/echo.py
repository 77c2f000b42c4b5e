"""Asking ourselves from outside: whether the address that Telegram calls leads here, by which way, and how it is secured.

The route `/health/echo` signs the nonce of its caller, so that only an installation with our key passes for us; it tells how
many X-Forwarded-For entries came with the request, which is how many proxies stand in front.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import certifi
import urllib3

from services.core.settings import Settings
from services.platform.platform import Platform

TIMEOUT_SECONDS: Final = 5.0
LONGEST_NONCE: Final = 64
PURPOSE: Final = b"flotilla health echo"


@dataclass(frozen=True)
class Echo:
    """What came back. `addresses` of the host; `expires_at` of its certificate; `trouble` ends it: "resolve", "connect", "tls".

    `status` 0: no answer. `is_us`: the nonce was signed with our key. `hops`: X-Forwarded-For entries that arrived.
    """

    addresses: tuple[str, ...] = ()
    expires_at: datetime | None = None
    trouble: str = ""
    reason: str = ""
    status: int = 0
    is_us: bool = False
    hops: int | None = None
    seconds: float = 0.0


def signed(settings: Settings, nonce: str) -> str:
    """The signature of a nonce by this installation's key."""
    key = settings.secret_key.get_secret_value().encode()
    return hmac.new(key, PURPOSE + nonce.encode(), sha256).hexdigest()


def ask_ourselves(platform: Platform) -> Echo:
    """Ask by WEBHOOK_BASE_URL; never raises for what goes wrong on the way."""
    url = urlsplit(platform.settings.webhook_base_url)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Echo(trouble="resolve", reason=str(error))
    addresses = tuple(sorted({str(each[4][0]) for each in found}))
    expires_at = None
    if url.scheme == "https":
        try:
            expires_at = _certificate_end(host, port)
        except ssl.SSLError as error:
            return Echo(addresses, trouble="tls", reason=error.reason or str(error))
        except OSError as error:
            return Echo(addresses, trouble="connect", reason=str(error))
    return _answer(platform.settings, addresses, expires_at)


def _certificate_end(host: str, port: int) -> datetime:
    """The end of the server's certificate, whose chain was checked. Raises OSError, ssl.SSLError among them."""
    context = ssl.create_default_context(cafile=certifi.where())
    with (
        socket.create_connection((host, port), TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        end = str((secured.getpeercert() or {})["notAfter"])
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)


def _answer(settings: Settings, addresses: tuple[str, ...], expires_at: datetime | None) -> Echo:
    nonce, began = secrets.token_hex(16), time.perf_counter()
    pool = urllib3.PoolManager(ca_certs=certifi.where(), retries=False, timeout=TIMEOUT_SECONDS)
    try:
        response = pool.request(
            "GET", f"{settings.webhook_base_url}/health/echo?nonce={nonce}", redirect=False
        )
        seconds, told = time.perf_counter() - began, _told(response.data)
    except urllib3.exceptions.HTTPError as error:
        return Echo(addresses, expires_at, trouble="connect", reason=type(error).__name__)
    finally:
        pool.clear()
    is_us = hmac.compare_digest(str(told.get("signature", "")), signed(settings, nonce))
    hops = told.get("hops") if is_us else None
    return Echo(addresses, expires_at, "", "", response.status, is_us, hops, seconds)


def _told(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body[:1000])
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
