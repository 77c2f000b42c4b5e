"""The one way to the Bot API: kept connections of a process, payload in the body.

Safe for threads and greenlets. Tokens go into the request line and nowhere else: no error, no log line carries them.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from urllib3 import encode_multipart_formdata

from services.core.errors import NeverSent, Rejected, TelegramError, Uncertain
from services.core.i18n import Text
from services.core.settings import Settings
from services.platform.telegram.connections import (
    BROKEN,
    CHUNK,
    Answer,
    Connections,
    Content,
    UnreachedError,
)
from services.platform.telegram.outcomes import no_bot_api, result_of

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
UPLOAD_SECONDS = 120.0
LONGEST_ANSWER = 16 * 1024 * 1024  # bytes; 100 updates of getUpdates stay far below
HEADERS = {"Content-Type": "application/json", "User-Agent": "Flotilla"}
METHOD_NAME = re.compile(r"[A-Za-z]{1,64}")
FILE_PATH = re.compile(r"[^/\\?#\x00-\x20][^\\?#\x00-\x1f]{0,500}")

Files = Mapping[
    str, tuple[str, bytes | Path]
]  # field -> name, content; of a path what lies there, piece by piece


class TelegramClient:
    """Calls Bot API methods for any bot. Creating it connects to nothing.

    `pool_size` is the number of connections kept open; more are made under load and closed after use.
    """

    def __init__(self, settings: Settings, *, pool_size: int | None = None) -> None:
        self.base_url = settings.telegram_api_url
        self._path = quote(urlsplit(self.base_url).path, safe="/%")
        self._connections = Connections(self.base_url, pool_size or settings.send_concurrency)

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
        deadline = time.monotonic() + (total_timeout or connect_timeout + read_timeout)
        with (
            _told_as_ours(self.base_url),
            self._connections.ask(
                "POST",
                f"{self._path}/bot{quote(token, safe=':')}/{method}",
                body,
                headers,
                connect_seconds=min(connect_timeout, total_timeout or connect_timeout),
                read_seconds=read_timeout,
                deadline=deadline,
            ) as answer,
        ):
            content = _read(answer)
        return result_of(answer.status, content, answer.retry_after)

    def download(
        self, token: str, file_path: str, take: Callable[[bytes], None], *, largest: int, seconds: float
    ) -> None:
        """Hand the bytes of a file, as getFile names its path, to `take`, piece by piece.

        Raises Rejected `file_too_large` above `largest` bytes, `file_too_slow` after `seconds`, `file_gone` when the server
        does not have it; NeverSent or Uncertain when it does not answer.
        """
        if not FILE_PATH.fullmatch(file_path) or ".." in file_path.split("/"):
            raise Rejected("The Bot API server names no path of a file", code="file_gone")
        deadline = time.monotonic() + seconds
        with (
            _told_as_ours(self.base_url),
            self._connections.ask(
                "GET",
                f"{self._path}/file/bot{quote(token, safe=':')}/{quote(file_path)}",
                b"",
                {"User-Agent": "Flotilla"},
                connect_seconds=CONNECT_SECONDS,
                read_seconds=min(READ_SECONDS, seconds),
                deadline=deadline,
            ) as answer,
        ):
            _take_file(answer, take, largest, deadline)

    def close(self) -> None:
        """Close all idle connections."""
        self._connections.close()


@contextmanager
def _told_as_ours(url: str) -> Iterator[None]:
    """What goes wrong with a request to the server at `url`, as NeverSent or Uncertain."""
    # `from None` everywhere: what http.client raises may name the path and with it the token.
    try:
        yield
    except UnreachedError as error:
        reason = Text("it did not answer in time") if error.was_late else Text.verbatim(str(error))
        raise NeverSent(
            Text("Cannot reach the Bot API server at {url}: {reason}", url=url, reason=reason)
        ) from None
    except TimeoutError:
        raise Uncertain(_LATE) from None
    except BROKEN as error:
        raise Uncertain(Text("The Bot API server broke off: {reason}", reason=type(error).__name__)) from None


_LATE = Text("The Bot API server did not answer in time")


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
    body, content_type = encode_multipart_formdata(fields)
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


def _take_file(answer: Answer, take: Callable[[bytes], None], largest: int, deadline: float) -> None:
    if answer.status != 200:
        raise _no_file(answer.status)
    size = 0
    for piece in answer.pieces():
        size += len(piece)
        if size > largest:
            raise Rejected(
                "The file is larger than it may be", error_code=answer.status, code="file_too_large"
            )
        if time.monotonic() > deadline:
            raise Rejected("The file came too slowly", error_code=answer.status, code="file_too_slow")
        take(piece)


def _no_file(status: int) -> TelegramError:
    text = Text("The Bot API server gives no file: HTTP {status}", status=status)
    return (
        Rejected(text, error_code=status, code="file_gone")
        if 400 <= status < 500 and status != 429
        else Uncertain(text, error_code=status)
    )


def _read(answer: Answer) -> bytes:
    """The whole body; a server that never ends or drips is cut off, and its connection closed."""
    pieces: list[bytes] = []
    size = 0
    for piece in answer.pieces():
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST_ANSWER or time.monotonic() > answer.deadline:
            raise Uncertain(_LATE if size <= LONGEST_ANSWER else no_bot_api(Text("its answer is too long")))
    return b"".join(pieces)
