"""Plain requests and answers beside gunicorn's own reading and writing of the same bytes, without a socket."""

from __future__ import annotations

import random
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from gunicorn import config
from gunicorn.http import parser, wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName

from tests.web.wire_requests import ODD, PLAIN, changed
from web.server.plain_http import PlainRequest, Progress, RequestReader, write_answer

GUNICORN: Any = (parser.RequestParser, wsgi.create, wsgi.Response, config.Config)  # untyped
RequestParser, create, Response, Config = GUNICORN
PEER = ("127.0.0.1", 40000)
SERVER = ("127.0.0.1", 8000)
OF_THE_CONNECTION = {"wsgi.errors", "wsgi.version", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "wsgi.file_wrapper",
                     "wsgi.input_terminated", "wsgi.early_hints", "wsgi.url_scheme", "gunicorn.socket", "SERVER_SOFTWARE", "SERVER_NAME",
                     "SERVER_PORT", "SCRIPT_NAME", "REMOTE_ADDR", "REMOTE_PORT"}  # fmt: skip
HEADS = {
    "the method": b"GE%sT /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "before the method": b"%sGET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "behind the method": b"GET%s /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "the path's beginning": b"GET %s/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "the path": b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n",
    "the query": b"GET /a?%s HTTP/1.1\r\nHost: a\r\n\r\n",
    "the version": b"GET /a HTTP/1.1%s\r\nHost: a\r\n\r\n",
    "the line's end": b"GET /a HTTP/1.1\r%s\nHost: a\r\n\r\n",
    "a name": b"GET /a HTTP/1.1\r\nX-%sA: a\r\n\r\n",
    "a name's beginning": b"GET /a HTTP/1.1\r\n%sX-A: a\r\n\r\n",
    "before the colon": b"GET /a HTTP/1.1\r\nX-A%s: a\r\n\r\n",
    "a value": b"GET /a HTTP/1.1\r\nX-A: a%sb\r\n\r\n",
    "a value's beginning": b"GET /a HTTP/1.1\r\nX-A:%sb\r\n\r\n",
    "a value's end": b"GET /a HTTP/1.1\r\nX-A: a%s\r\n\r\n",
    "a field's end": b"GET /a HTTP/1.1\r\nX-A: a\r%s\nX-B: b\r\n\r\n",
    "the head's end": b"GET /a HTTP/1.1\r\nX-A: a\r\n%s\r\n\r\n",
    "a length": b"POST /a HTTP/1.1\r\nContent-Length: %s2\r\n\r\nhi",
    "a length's end": b"POST /a HTTP/1.1\r\nContent-Length: 2%s\r\n\r\nhi",
    "what a connection is": b"GET /a HTTP/1.1\r\nConnection: keep-alive%s\r\n\r\n",
    "the body": b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nh%s",
    "behind a request": b"GET /a HTTP/1.1\r\n\r\n%s",
}
FIT = [
    ("200 OK", [("Content-Length", "2"), ("Content-Type", "text/plain; charset=utf-8")]),
    ("200", [("content-length", "2")]),
    ("404 N\xe3o encontrado", [("Content-Length", "2"), ("X-A", " \t\xe9 "), ("X-A", "b"), ("X-Empty", "")]),
    ("999 ?", [("Content-Length", "2"), ("x!#$%&'*+.^_`|~9", "a")]),
]  # fmt: skip
BAD_TEXTS = [
    "a\r\nSet-Cookie: b=1",
    "a\nb",
    "a\rb",
    "\n",
    "a\x00b",
    "a\x7f",
    "a\x0bb",
    "a\u2028b",
    "a\x1b[2Jb",
]


def unfit() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Statuses and headers that must not be written."""
    length = ("Content-Length", "2")
    for bad in BAD_TEXTS:
        yield f"200 {bad}", [length]
        yield "200 OK", [length, ("X-A", bad)]
        yield "200 OK", [("X-A", bad), length]
        yield "200 OK", [length, (bad, "a")]
    yield "200 OK\r\nX-A: b", [length]
    yield "200 OK\n", [length]
    yield "OK", [length]
    yield "", [length]
    yield "200 OK", [length, ("", "a")]
    yield "200 OK", [length, ("X A", "a")]
    yield "200 OK", [length, ("X-A:", "a")]
    yield "200 OK", [length, ("X-\xe9", "a")]


@pytest.mark.parametrize("pieces", PLAIN.values(), ids=PLAIN)
def test_a_plain_request_is_read_as_by_gunicorn(pieces: tuple[bytes, ...]) -> None:
    assert read_alike(b"".join(pieces)) is Progress.WHOLE


@pytest.mark.parametrize("pieces", ODD.values(), ids=ODD)
def test_an_odd_request_is_left_to_gunicorn(pieces: tuple[bytes, ...]) -> None:
    assert read_alike(b"".join(pieces)) is not Progress.WHOLE


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_any_byte_at_any_place_is_read_as_by_gunicorn_or_left_to_it(head: bytes) -> None:
    for byte in range(256):
        read_alike(head % bytes((byte,)))
        read_alike(head % bytes((byte, byte)))


def test_requests_changed_at_random_are_read_as_by_gunicorn_or_left_to_it() -> None:
    chance = random.Random(21)
    progress = [read_alike(changed(chance)) for _ in range(4000)]
    assert 1000 < progress.count(Progress.WHOLE) < 3000


def test_a_request_in_pieces_is_read_as_in_one() -> None:
    chance = random.Random(22)
    for _ in range(1000):
        data = changed(chance)
        whole, pieces = read(data), RequestReader()
        at = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 6)))
        for begin, end in zip([0, *at], [*at, len(data)], strict=True):
            if pieces.progress in (Progress.HEAD, Progress.BODY) and begin < end:
                pieces.feed(data[begin:end])
        if pieces.progress is Progress.WHOLE and pieces.received != data:
            continue  # a request stands behind it: only in one piece can that be seen
        assert pieces.progress is whole.progress, data
        if whole.progress is Progress.WHOLE:
            assert pieces.request() == whole.request()


def test_a_long_head_and_a_long_body_are_left_to_gunicorn() -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(8))
    assert read(b"GET / HTTP/1.1\r\n" + fields + b"\r\n").progress is Progress.WHOLE
    assert read(b"GET / HTTP/1.1\r\n" + fields + b"X-9: " + b"a" * 200 + b"\r\n\r\n").progress is Progress.ODD
    assert read(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 8192).progress is Progress.ODD
    assert read(b"POST / HTTP/1.1\r\nContent-Length: 65536\r\n\r\n").progress is Progress.BODY
    assert read(b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n").progress is Progress.ODD


@pytest.mark.parametrize(("status", "headers"), FIT)
def test_an_answer_is_written_as_by_gunicorn(status: str, headers: list[tuple[str, str]]) -> None:
    for last in (False, True):
        written = write_answer("GET", status, headers, b"hi", last=last)
        assert written is not None
        assert undated(written) == undated(gunicorns_answer(status, headers, b"hi", last=last))


@pytest.mark.parametrize(("status", "headers"), list(unfit()))
def test_what_must_not_be_sent_is_left_to_gunicorn_which_refuses(
    status: str, headers: list[tuple[str, str]]
) -> None:
    assert write_answer("GET", status, headers, b"hi", last=False) is None
    with pytest.raises((ValueError, InvalidResponseHeader, InvalidResponseHeaderName)):
        gunicorns_answer(status, headers, b"hi", last=False)


def read(data: bytes) -> RequestReader:
    """`data` in one piece."""
    reader = RequestReader()
    reader.feed(data)
    return reader


def read_alike(data: bytes) -> Progress:
    """Read `data` and hold what is plain against gunicorn's reading."""
    reader = read(data)
    if reader.progress is Progress.WHOLE:
        assert reader.request().environ().keys() == gunicorns(data).keys(), data
        assert comparable(reader.request().environ()) == comparable(gunicorns(data)), data
    return reader.progress


def gunicorns(data: bytes) -> dict[str, Any]:
    """The environment that gunicorn makes of the one request in `data`, which leaves the connection open."""
    requests = RequestParser(CONFIG, iter([data]), PEER)
    request = next(requests)
    environ = create(request, None, PEER, SERVER, CONFIG)[1]
    body = request.body.read()
    assert not request.should_close(), data
    assert next(requests, None) is None, data
    return {name: value for name, value in environ.items() if name not in OF_THE_CONNECTION} | {
        "wsgi.input": BytesIO(body)
    }


def comparable(environ: dict[str, Any]) -> dict[str, Any]:
    return environ | {"wsgi.input": environ["wsgi.input"].read()}


def gunicorns_answer(status: str, headers: list[tuple[str, str]], body: bytes, *, last: bool) -> bytes:
    """What gunicorn writes."""
    written = _Written()
    response = Response(PlainRequest("GET", "/", "/", {}, b""), written, CONFIG)
    if last:
        response.force_close()
    response.start_response(status, headers)
    response.write(body)
    response.close()
    return written.data


def undated(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(b"Date: ")]


class _Written:
    """A socket that keeps what is written."""

    data = b""

    def sendall(self, data: bytes) -> None:
        self.data += data


def _config() -> Any:
    found = Config()
    found.set("limit_request_line", 8190)  # as gunicorn.conf.py
    found.set("forwarded_allow_ips", "")
    return found


CONFIG = _config()
