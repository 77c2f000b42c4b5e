"""The plain requests and answers of HTTP/1.1, read by llhttp (the parser of Node.js) and written quickly; no I/O.

Whatever is not plain beyond doubt is left to gunicorn, which reads the same bytes again: there is one place where the odd cases of
HTTP are judged, and it is not this one. What is plain, both read alike (a test holds it).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from functools import lru_cache
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from gunicorn.http.message import TOKEN_RE
from gunicorn.http.wsgi import HEADER_VALUE_RE, STATUS_RE
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

LARGEST_HEAD: Final = 8192  # bytes, line and fields; gunicorn allows as much for one of them
LARGEST_BODY: Final = 65536  # bytes; larger ones are rare, and gunicorn reads them piece by piece
MOST_FIELDS: Final = 100  # as gunicorn's limit_request_fields
LONGEST_TARGET: Final = 4000  # bytes; gunicorn allows a line of 4094 unless told otherwise
METHODS: Final = {b"GET": "GET", b"HEAD": "HEAD", b"POST": "POST"}
Headers = list[tuple[str, str]]

# Fields that change how a message is read or how long a connection lasts.
_ODD: Final = frozenset("TRANSFER-ENCODING TE TRAILER EXPECT UPGRADE HTTP2-SETTINGS PROXY-CONNECTION".split())  # noqa: SIM905
_ODD_IN_TARGET: Final = re.compile(rb"[^!-~]|#")
_HOP_BY_HOP: Final = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailers transfer-encoding upgrade server date".split()  # noqa: SIM905
)
_WITHOUT_BODY: Final = ("1", "204", "304")


@dataclass
class PlainRequest:
    """A request; also what gunicorn's `Response` wants of one, and its hooks, which may put attributes on it."""

    method: str
    uri: str
    path: str
    fields: dict[str, str]  # by their names in a WSGI environment
    body: bytes
    version = (1, 1)

    def should_close(self) -> bool:
        """A request that asks for the connection's end is not plain."""
        return False

    def environ(self) -> dict[str, Any]:
        """This request's part of a WSGI environment."""
        return {
            "REQUEST_METHOD": self.method,
            "RAW_URI": self.uri,
            "PATH_INFO": unquote_to_bytes(self.path).decode("latin-1") if "%" in self.path else self.path,
            "QUERY_STRING": self.uri[len(self.path) + 1 :],
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": BytesIO(self.body),
            **self.fields,
        }


class Progress(Enum):
    """How far a request was read."""

    HEAD = "some of the head is missing"
    BODY = "some of the body is missing"
    WHOLE = "it is all there"
    ODD = "it is not plain: all that was received is gunicorn's to read"


class RequestReader:
    """Reads one request, in as many pieces as it comes in."""

    __slots__ = ("_found", "_parser", "progress", "received")

    def __init__(self) -> None:
        self._found = _Found()
        self._parser = HttpRequestParser(self._found)
        self.received = b""
        self.progress = Progress.HEAD

    def feed(self, data: bytes) -> None:
        """Take in what has arrived."""
        self.received += data
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.progress = Progress.ODD
        else:
            self.progress = self._judge()

    def request(self) -> PlainRequest:
        """The request; read to its end."""
        found, uri = self._found, self._found.uri.decode("ascii")
        body = self.received[self._head_size() :]
        return PlainRequest(
            METHODS[self._parser.get_method()], uri, uri.partition("?")[0], found.fields, body
        )

    def _judge(self) -> Progress:
        if not self._found.head_is_complete:
            return Progress.HEAD if len(self.received) <= LARGEST_HEAD else Progress.ODD
        if not (self._has_plain_line() and self._has_plain_fields()):
            return Progress.ODD
        # llhttp has counted too. Where the two do not agree, or another request stands behind, it is odd.
        missing = self._head_size() + int(self._found.length) - len(self.received)
        if self._found.is_complete:
            return Progress.WHOLE if missing == 0 else Progress.ODD
        return Progress.BODY if missing > 0 else Progress.ODD

    def _has_plain_line(self) -> bool:
        method, uri = self._parser.get_method(), self._found.uri
        return (
            method in METHODS
            # llhttp skips empty lines before it, and spaces in it
            and self.received.startswith(b"%b %b HTTP/1.1\r\n" % (method, uri))
            and len(uri) <= LONGEST_TARGET
            and uri.startswith(b"/")
            and not uri.startswith(b"//")
            and not _ODD_IN_TARGET.search(uri)
        )

    def _has_plain_fields(self) -> bool:
        found, length = self._found, self._found.length
        return (
            not found.has_odd_field
            and len(found.fields) <= MOST_FIELDS
            and self._head_size() <= LARGEST_HEAD
            and found.fields.get("HTTP_CONNECTION", "keep-alive").lower() == "keep-alive"
            and len(length) <= 5
            and length.isascii()
            and length.isdecimal()
            and int(length) <= LARGEST_BODY
        )

    def _head_size(self) -> int:
        return self.received.find(b"\r\n\r\n") + 4


class _Found:
    """What llhttp calls while it reads: the parts of one request."""

    __slots__ = ("fields", "has_odd_field", "head_is_complete", "is_complete", "uri")

    def __init__(self) -> None:
        self.uri = b""
        self.fields: dict[str, str] = {}
        self.has_odd_field = False
        self.head_is_complete = False
        self.is_complete = False

    @property
    def length(self) -> str:
        """Bytes of the body, as the head says it."""
        return self.fields.get("CONTENT_LENGTH", "0")

    def on_url(self, piece: bytes) -> None:
        self.uri += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        key = _environ_key(name)
        if key is None or key in self.fields:
            self.has_odd_field = True
        else:
            self.fields[key] = value.decode("latin-1").strip(" \t")

    def on_headers_complete(self) -> None:
        self.head_is_complete = True

    def on_message_complete(self) -> None:
        self.is_complete = True


def write_answer(method: str, status: str, headers: Headers, body: bytes, *, last: bool) -> bytes | None:
    """A whole answer of known length, ready to send; None when it is not plain or not fit to be sent, which gunicorn judges.

    `last`: the connection ends with it.
    """
    if method == "HEAD" or status.startswith(_WITHOUT_BODY) or not STATUS_RE.fullmatch(status):
        return None
    kinds = [_kind(name) for name, _ in headers]
    if kinds.count("length") != 1 or "odd" in kinds or headers[kinds.index("length")][1] != str(len(body)):
        return None
    values = [value.strip(" \t") for _, value in headers]
    if not HEADER_VALUE_RE.fullmatch("".join(values)):
        return None
    connection = "close" if last else "keep-alive"
    frame = f"Server: gunicorn\r\nDate: {_date(int(time.time()))}\r\nConnection: {connection}\r\n"
    lines = "".join([f"{name}: {value}\r\n" for (name, _), value in zip(headers, values, strict=True)])
    return f"HTTP/1.1 {status}\r\n{frame}{lines}\r\n".encode("latin-1") + body


@lru_cache(maxsize=1024)
def _environ_key(name: bytes) -> str | None:
    """A field's name in a WSGI environment; None for the odd ones, and with "_", which would be taken for another's "-"."""
    upper = name.decode("latin-1").upper()
    if "_" in upper or upper in _ODD or not upper.isascii():
        return None
    key = upper.replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


@lru_cache(maxsize=1024)
def _kind(name: str) -> str:
    lower = name.lower()
    if lower in _HOP_BY_HOP or not TOKEN_RE.fullmatch(name):
        return "odd"
    return "length" if lower == "content-length" else ""


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
