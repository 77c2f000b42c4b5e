"""The plain requests and answers of HTTP/1.1, read and written quickly; no I/O.

Whatever is not plain beyond doubt is None here and left to gunicorn, which reads the same bytes again: there is one place
where the odd cases of HTTP are judged, and it is not this one. What is plain, both read alike (a test holds it).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote_to_bytes

LARGEST_HEAD: Final = 8192  # bytes, line and fields; gunicorn allows as much for one of them
LARGEST_BODY: Final = 65536  # bytes; larger ones are rare, and gunicorn reads them piece by piece
MOST_FIELDS: Final = 100  # as gunicorn's limit_request_fields
LONGEST_LINE: Final = 4000  # bytes; gunicorn allows 4094 unless told otherwise
Headers = list[tuple[str, str]]

# Names without "_", which would be taken for another's "-"; values without control characters; no folded lines.
_HEAD: Final = re.compile(
    r"(GET|HEAD|POST) (/(?!/)[\x21\x22\x24-\x7e]*) HTTP/1\.1\r\n((?:[0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n"
)
_FIELD: Final = re.compile(r"([^:]+):([^\r]*)\r\n")
_LENGTH: Final = re.compile(r"[0-9]{1,5}")
# Fields that change how a message is read or how long a connection lasts.
_ODD: Final = frozenset(
    "HTTP_TRANSFER_ENCODING HTTP_TE HTTP_TRAILER HTTP_EXPECT HTTP_UPGRADE HTTP_HTTP2_SETTINGS HTTP_PROXY_CONNECTION".split()  # noqa: SIM905
)
_ANSWER: Final = re.compile(
    r"[1-5][0-9]{2} [\t\x20-\x7e]*\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*"
)
_HOP_BY_HOP: Final = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailers transfer-encoding upgrade server date".split()  # noqa: SIM905
)
_WITHOUT_BODY: Final = ("1", "204", "304")


@dataclass
class PlainRequest:
    """A request's head; also what gunicorn's hooks and its `Response` want of a request."""

    method: str
    uri: str
    path: str
    fields: dict[str, str]  # by their names in a WSGI environment
    length: int  # of the body, in bytes
    size: int  # of the head, in bytes
    version = (1, 1)

    def should_close(self) -> bool:
        """A request that asks for the connection's end is not plain."""
        return False

    def environ(self, body: bytes) -> dict[str, Any]:
        """This request's part of a WSGI environment."""
        path, _, query = self.uri.partition("?")
        return {
            "REQUEST_METHOD": self.method,
            "RAW_URI": self.uri,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": BytesIO(body),
            **self.fields,
        }


def read_head(data: bytes) -> PlainRequest | None:
    """The request that `data` begins with; None when it is not plain, or its head is not all there."""
    size = data.find(b"\r\n\r\n", 0, LARGEST_HEAD) + 4
    found = _HEAD.fullmatch(data[:size].decode("latin-1")) if size > 4 else None
    if found is None:
        return None
    method, uri, lines = found.groups()
    pairs = _FIELD.findall(lines)
    fields = {_key(name): value.strip(" \t") for name, value in pairs}
    if (
        len(fields) < len(pairs)
        or len(pairs) > MOST_FIELDS
        or len(uri) > LONGEST_LINE
        or not _ODD.isdisjoint(fields)
    ):
        return None
    if fields.get("HTTP_CONNECTION", "keep-alive").lower() != "keep-alive":
        return None
    length = fields.get("CONTENT_LENGTH", "0")
    if not _LENGTH.fullmatch(length) or int(length) > LARGEST_BODY:
        return None
    return PlainRequest(method, uri, uri.partition("?")[0], fields, int(length), size)


def write_answer(method: str, status: str, headers: Headers, body: bytes, *, last: bool) -> bytes | None:
    """A whole answer of known length, ready to send; None when it is not plain. `last`: the connection ends with it."""
    if method == "HEAD" or status.startswith(_WITHOUT_BODY):
        return None
    kinds = [_kind(name) for name, _ in headers]
    if kinds.count("length") != 1 or "hop" in kinds or headers[kinds.index("length")][1] != str(len(body)):
        return None
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    # The count: a line that a value smuggles in would match as well.
    if lines.count("\n") != len(headers) or not _ANSWER.fullmatch(f"{status}\r\n{lines}"):
        return None
    connection = "close" if last else "keep-alive"
    frame = f"Server: gunicorn\r\nDate: {_date(int(time.time()))}\r\nConnection: {connection}\r\n"
    return f"HTTP/1.1 {status}\r\n{frame}{lines}\r\n".encode("latin-1") + body


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


@lru_cache(maxsize=1024)
def _kind(name: str) -> str:
    lower = name.lower()
    return "length" if lower == "content-length" else "hop" if lower in _HOP_BY_HOP else ""


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
