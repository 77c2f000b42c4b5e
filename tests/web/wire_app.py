"""A WSGI application that shows what it was given; served by gunicorn in the tests of its worker."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from typing import Any

LARGE = 32 << 20  # bytes, more than the system keeps for a peer that does not read
SHOWN = (
    "REQUEST_METHOD",
    "RAW_URI",
    "PATH_INFO",
    "QUERY_STRING",
    "SERVER_PROTOCOL",
    "SERVER_NAME",
    "SCRIPT_NAME",
)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The environment as JSON; some paths answer in odd ways."""
    path = environ["PATH_INFO"]
    if path == "/error":
        raise ValueError("of the application")
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter((b"one ", b"two"))
    if path == "/late-error":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _breaking()
    if path == "/slow":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _slow()
    if path == "/end":
        os.kill(os.getppid(), signal.SIGTERM)
    if path == "/nothing":
        start_response("204 No Content", [])
        return ()
    if path == "/split":
        start_response("200 OK", [("X-Name", "a\r\nSet-Cookie: stolen=1"), ("Content-Length", "0")])
        return ()
    if path == "/status":
        start_response("200 OK\r\nSet-Cookie: stolen=1", [("Content-Length", "0")])
        return ()
    if path == "/name":
        start_response("200 OK", [("X-Name: a\r\nSet-Cookie", "stolen=1"), ("Content-Length", "0")])
        return ()
    if path == "/large":
        start_response("200 OK", [("Content-Length", str(LARGE))])
        return [b"x" * LARGE]
    if path == "/large-stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 65536 for _ in range(LARGE // 65536))
    if path == "/file":
        start_response("200 OK", [("Content-Type", "text/plain")])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](open(__file__, "rb"))  # noqa: SIM115
        return wrapped
    if path == "/unread":
        start_response("413 Content Too Large", [("Content-Length", "3")])
        return [b"no\n"]
    if path == "/hop":
        start_response("200 OK", [("Connection", "close"), ("Content-Length", "2")])
        return [b"ok"]
    body = _shown(environ)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _shown(environ: dict[str, Any]) -> bytes:
    values = {
        name: value
        for name, value in sorted(environ.items())
        if name in SHOWN or name.startswith(("HTTP_", "CONTENT_"))
    }
    body = environ["wsgi.input"].read().decode("latin-1")
    way = "short" if type(environ["wsgi.input"]).__name__ == "BytesIO" else "usual"
    return json.dumps({**values, "body": body, "way": way}).encode()


def _slow() -> Iterator[bytes]:
    yield b"begun"
    time.sleep(3)
    yield b"done"


def _breaking() -> Iterator[bytes]:
    yield b"begun"
    raise ValueError("in the middle")
