"""One HTTP call to a public address: resolved, checked, pinned, bounded in time and size, never redirected."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final

from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from plugins.http import HttpAnswer, HttpError
from services.core.errors import InvalidInput, Unavailable
from services.core.url_safety import resolve
from services.platform.pinned_connection import connection_to
from services.queueing.timeouts import HandlerTimeout, time_limit

CONNECT_SECONDS: Final = 3.0
LARGEST: Final = 1_000_000  # bytes of an answer
CHUNK: Final = 65_536
OWN: Final = frozenset(
    ("host", "content-length", "transfer-encoding", "connection")
)  # headers that are ours to set


class NotArrived(HttpError):
    """The call cannot have had an effect."""


def call(
    method: str,
    url: str,
    body: Any,
    headers: Mapping[str, str],
    *,
    seconds: float,
    allow_loopback: bool,
) -> HttpAnswer:
    """The answer, if it is a good one (2xx). HttpError; NotArrived where the API cannot have seen the call."""
    try:
        target = resolve(url, allow_loopback=allow_loopback)
    except InvalidInput:
        raise HttpError("refused") from None
    except Unavailable:
        raise NotArrived("unreachable") from None
    connection = connection_to(target, connect_seconds=min(CONNECT_SECONDS, seconds))
    given = {name: value for name, value in headers.items() if name.lower() not in OWN}
    whole = {"User-Agent": "Flotilla", "Accept": "application/json", **given, "Host": target.host_header}
    content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    if content is not None:
        whole["Content-Type"] = "application/json"
    # `from None`: what urllib3 raises names the path, which may hold a key.
    try:
        with time_limit(seconds):  # a socket's time-out bounds one read, and a server may drip
            return _exchange(connection, method, target.path, content, whole, time.monotonic() + seconds)
    except HandlerTimeout:
        raise HttpError("timeout") from None
    except (NewConnectionError, ConnectTimeoutError):
        raise NotArrived("unreachable") from None
    except TimeoutError:
        raise HttpError("timeout") from None
    except (HTTPError, HTTPException, OSError) as error:
        code = "timeout" if "Timeout" in type(error).__name__ else "unreachable"
        raise HttpError(code) from None
    finally:
        connection.close()


def _exchange(
    connection: HTTPConnection,
    method: str,
    path: str,
    content: bytes | None,
    headers: Mapping[str, str],
    deadline: float,
) -> HttpAnswer:
    connection.connect()
    connection.timeout = max(0.1, deadline - time.monotonic())
    connection.request(method, path, body=content, headers=headers, preload_content=False)
    answer = connection.getresponse()
    if not 200 <= answer.status < 300:
        raise HttpError("status", answer.status)
    parts: list[bytes] = []
    while part := answer.read1(CHUNK):
        parts.append(part)
        if sum(map(len, parts)) > LARGEST:
            raise HttpError("too_large", answer.status)
        if time.monotonic() > deadline:
            raise HttpError("timeout")
    return HttpAnswer(answer.status, b"".join(parts))
