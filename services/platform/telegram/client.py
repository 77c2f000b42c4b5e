"""The one way to the Bot API: a pooled keep-alive session per process, payload in the body.

Safe for threads and greenlets. Tokens go into the request line and nowhere else: no error, no log line carries them.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.response import BaseHTTPResponse

from services.core.errors import NeverSent, Rejected, TelegramError, Uncertain
from services.core.i18n import Text
from services.core.lost_connections import SOCKET_OPTIONS
from services.core.settings import Settings
from services.platform.telegram.outcomes import no_bot_api, result_of

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
UPLOAD_SECONDS = 120.0
LONGEST_ANSWER = 16 * 1024 * 1024  # bytes; 100 updates of getUpdates stay far below
CHUNK = 64 * 1024
HEADERS = {"Content-Type": "application/json", "User-Agent": "Flotilla"}
METHOD_NAME = re.compile(r"[A-Za-z]{1,64}")
TOKEN_IN_PATH = re.compile(r"(/bot)[^/\s]+(/)")

FILE_PATH = re.compile(r"[^/\\?#\x00-\x20][^\\?#\x00-\x1f]{0,500}")

Files = Mapping[
    str, tuple[str, bytes | Path]
]  # field -> name, content; of a path what lies there, piece by piece


class _Failed(NewConnectionError):
    """Anything that went wrong before the connection stood, so that nothing was sent: DNS, TCP, TLS."""


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except (OSError, HTTPError) as error:
            raise _Failed(self, str(error)) from error


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except (OSError, HTTPError) as error:
            raise _Failed(self, str(error)) from error


class TelegramClient:
    """Calls Bot API methods for any bot. Creating it connects to nothing.

    `pool_size` is the number of connections kept open; more are made under load and closed after use.
    """

    def __init__(self, settings: Settings, *, pool_size: int | None = None) -> None:
        self.base_url = settings.telegram_api_url
        self._path = urlsplit(self.base_url).path
        self._pool = _pool(self.base_url, pool_size or settings.send_concurrency)

    def call(
        self,
        token: str,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        read_timeout: float = READ_SECONDS,
        connect_timeout: float = CONNECT_SECONDS,
        total_timeout: float | None = None,
        files: Files | None = None,
    ) -> Any:
        """Call `method` for the bot of `token` and return its `result`; timeouts are in seconds.

        `total_timeout` bounds the whole call, for checks. Raises TokenRejected, Rejected, TooManyRequests,
        NeverSent (safe to repeat) or Uncertain (it may have taken effect).
        """
        if not METHOD_NAME.fullmatch(method):
            raise Rejected("This is not the name of a Bot API method", error_code=404)
        body, headers = _encode(params, files)
        if files:
            read_timeout = max(read_timeout, UPLOAD_SECONDS)
        timeout = urllib3.Timeout(total=total_timeout, connect=connect_timeout, read=read_timeout)
        deadline = time.monotonic() + (total_timeout or connect_timeout + read_timeout)
        path = f"{self._path}/bot{token}/{method}"
        return result_of(*self._post(path, body, headers, timeout, deadline))

    def download(
        self, token: str, file_path: str, take: Callable[[bytes], None], *, largest: int, seconds: float
    ) -> None:
        """Hand the bytes of a file, as getFile names its path, to `take`, piece by piece.

        Raises Rejected `file_too_large` above `largest` bytes, `file_too_slow` after `seconds`, `file_gone` when the server
        does not have it; NeverSent or Uncertain when it does not answer.
        """
        if not FILE_PATH.fullmatch(file_path) or ".." in file_path.split("/"):
            raise Rejected("The Bot API server names no path of a file", code="file_gone")
        path = f"{self._path}/file/bot{token}/{quote(file_path)}"
        deadline = time.monotonic() + seconds
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=min(READ_SECONDS, seconds))
        with _told_as_ours(self.base_url):
            response = self._pool.urlopen(
                "GET",
                path,
                headers={"User-Agent": "Flotilla"},
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                _take_file(response, take, largest, deadline)
            except BaseException:
                response.close()  # what is left of it must not be read as the next answer
                raise
            response.release_conn()

    def close(self) -> None:
        """Close all idle connections."""
        self._pool.close()

    def _post(
        self, path: str, body: Content, headers: dict[str, str], timeout: urllib3.Timeout, deadline: float
    ) -> tuple[int, bytes, str | None]:
        """Status, body and Retry-After."""
        with _told_as_ours(self.base_url):
            response = self._pool.urlopen(
                "POST",
                path,
                body=body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            return response.status, _read(response, deadline), response.headers.get("Retry-After")


@contextmanager
def _told_as_ours(url: str) -> Iterator[None]:
    """What goes wrong with a request to the server at `url`, as NeverSent or Uncertain."""
    # `from None` everywhere: urllib3's own exceptions name the URL and with it the token.
    try:
        yield
    except (ConnectTimeoutError, NewConnectionError) as error:
        raise NeverSent(
            Text("Cannot reach the Bot API server at {url}: {reason}", url=url, reason=_reason(error))
        ) from None
    except LocationParseError:
        raise NeverSent("The call has no valid address; check TELEGRAM_API_URL") from None
    except ReadTimeoutError:
        raise Uncertain(_LATE) from None
    except (HTTPError, OSError) as error:
        raise Uncertain(Text("The Bot API server broke off: {reason}", reason=type(error).__name__)) from None


def _pool(url: str, size: int) -> urllib3.HTTPConnectionPool:
    """A pool of kept connections to one server; beyond `size` they are closed after use."""
    options = [*HTTPConnection.default_socket_options, *SOCKET_OPTIONS]
    if not url.startswith("https:"):
        pool = urllib3.connection_from_url(url, maxsize=size, socket_options=options)
        pool.ConnectionCls = _PlainConnection
        return pool
    # The system's authorities, for a server of one's own, and Mozilla's, for machines that have none installed.
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    pool = urllib3.connection_from_url(url, maxsize=size, ssl_context=context, socket_options=options)
    pool.ConnectionCls = _TlsConnection
    return pool


_LATE = Text("The Bot API server did not answer in time")


def _reason(error: Exception) -> Text:
    """The cause of a failed connection in words that hold no URL path."""
    if isinstance(error, ConnectTimeoutError):
        return Text("it did not answer in time")
    return Text.verbatim(type(error.__cause__).__name__) if error.__cause__ else Text("connection failed")


Content = bytes | Iterable[bytes]


def _encode(params: dict[str, Any] | None, files: Files | None) -> tuple[Content, dict[str, str]]:
    given = {name: value for name, value in (params or {}).items() if value is not None}
    if not files:
        return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode(), HEADERS
    fields: dict[str, Any] = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
    }
    on_disk: dict[bytes, Path] = {}
    for field, (name, content) in files.items():
        if isinstance(content, Path):
            mark = secrets.token_bytes(32)  # stands for the content, until it is sent
            on_disk[mark], content = content, mark
        fields[field] = (name, content)
    body, content_type = urllib3.encode_multipart_formdata(fields)
    headers = {**HEADERS, "Content-Type": content_type}
    if not on_disk:
        return body, headers
    size = len(body) + sum(path.stat().st_size - len(mark) for mark, path in on_disk.items())
    return _pieces(body, on_disk), {**headers, "Content-Length": str(size)}


def _pieces(body: bytes, on_disk: dict[bytes, Path]) -> Iterator[bytes]:
    """`body` with the files where their marks stand: many uploads at once must not lie in memory."""
    for mark, path in on_disk.items():
        before, _, body = body.partition(mark)
        yield before
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece
    yield body


def _take_file(
    response: BaseHTTPResponse, take: Callable[[bytes], None], largest: int, deadline: float
) -> None:
    if response.status != 200:
        raise _no_file(response.status)
    size = 0
    while piece := response.read1(CHUNK, decode_content=False):
        size += len(piece)
        if size > largest:
            raise Rejected(
                "The file is larger than it may be", error_code=response.status, code="file_too_large"
            )
        if time.monotonic() > deadline:
            raise Rejected("The file came too slowly", error_code=response.status, code="file_too_slow")
        take(piece)


def _no_file(status: int) -> TelegramError:
    text = Text("The Bot API server gives no file: HTTP {status}", status=status)
    return (
        Rejected(text, error_code=status, code="file_gone")
        if 400 <= status < 500 and status != 429
        else Uncertain(text, error_code=status)
    )


def _read(response: BaseHTTPResponse, deadline: float) -> bytes:
    """The whole body; a server that never ends or drips is cut off, and its connection closed."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(CHUNK, decode_content=False):
        chunks.append(chunk)
        size += len(chunk)
        if size > LONGEST_ANSWER or time.monotonic() > deadline:
            response.close()
            raise Uncertain(_LATE if size <= LONGEST_ANSWER else no_bot_api(Text("its answer is too long")))
    response.release_conn()
    return b"".join(chunks)


class _NoTokens(logging.Filter):
    """urllib3 logs each request line at DEBUG and bad headers with the URL at WARNING: both hold the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = TOKEN_IN_PATH.sub(r"\1[redacted]\2", record.getMessage()), ()
        return True


for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.response"):
    logging.getLogger(_name).addFilter(_NoTokens())
