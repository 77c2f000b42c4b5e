"""HTTP clients that could make the calls of the Bot API, each doing the work of a call. Imported in a patched process."""

from __future__ import annotations

import http.client
import json
import ssl
from collections import deque
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
import urllib3
from gevent.event import AsyncResult
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import is_connection_dropped

from services.core.settings import Settings
from services.platform.telegram.client import CONNECT_SECONDS, HEADERS, READ_SECONDS, TelegramClient

Call = Callable[[], Any]
OURS = "ours (http.client, llhttp)"
TOKEN = f"1000001:{'A' * 35}"
PATH = f"/bot{TOKEN}/sendMessage"
PARAMS = {
    "chat_id": 1000001,
    "text": "m12345",
    "reply_markup": {"inline_keyboard": [[{"text": "Open", "callback_data": "a1b2"}]]},
}
KEPT = 512  # connections


def ours(url: str, certificate: Path) -> Call:
    """The product's."""
    client = TelegramClient(Settings(telegram_api_url=url), pool_size=KEPT)
    return lambda: client.call(TOKEN, "sendMessage", PARAMS)


def urllib3_pool(url: str, certificate: Path) -> Call:
    """urllib3's pool, used as the product used it before."""
    pool = urllib3.connection_from_url(url, maxsize=KEPT, **_tls(url, certificate, "ssl_context"))

    def call() -> Any:
        answer = pool.urlopen(
            "POST",
            PATH,
            body=_body(),
            headers=HEADERS,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        content = b"".join(iter(lambda: answer.read1(65536, decode_content=False), b""))
        answer.release_conn()
        return _result(answer.status, content)

    return call


def urllib3_tuned(url: str, certificate: Path) -> Call:
    """The same with nothing made anew for a call, and the body read by urllib3."""
    pool = urllib3.connection_from_url(url, maxsize=KEPT, **_tls(url, certificate, "ssl_context"))
    timeout, retries = (
        urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        urllib3.Retry(0, redirect=False),
    )

    def call() -> Any:
        answer = pool.urlopen(
            "POST",
            PATH,
            body=_body(),
            headers=HEADERS,
            timeout=timeout,
            retries=retries,
            redirect=False,
            assert_same_host=False,
            decode_content=False,
        )
        return _result(answer.status, answer.data)

    return call


def urllib3_connections(url: str, certificate: Path) -> Call:
    """urllib3's connections without its pool."""
    idle: deque[HTTPConnection] = deque()

    def opened() -> HTTPConnection:
        address = urlsplit(url)
        host, port = address.hostname or "", address.port
        if address.scheme == "https":
            return HTTPSConnection(host, port, timeout=READ_SECONDS, **_tls(url, certificate, "ssl_context"))
        return HTTPConnection(host, port, timeout=READ_SECONDS)

    def call() -> Any:
        connection = idle.pop() if idle else opened()
        if is_connection_dropped(connection):
            connection.close()
        connection.request("POST", PATH, body=_body(), headers=HEADERS, preload_content=False)
        answer = connection.getresponse()
        content = answer.read(decode_content=False)
        idle.append(connection)
        return _result(answer.status, content)

    return call


def standard_library(url: str, certificate: Path) -> Call:
    """http.client, its own parser of answers, and no look whether a kept connection still stands."""
    idle: deque[http.client.HTTPConnection] = deque()

    def opened() -> http.client.HTTPConnection:
        address = urlsplit(url)
        host, port = address.hostname or "", address.port
        if address.scheme == "https":
            return http.client.HTTPSConnection(
                host, port, timeout=READ_SECONDS, **_tls(url, certificate, "context")
            )
        return http.client.HTTPConnection(host, port, timeout=READ_SECONDS)

    def call() -> Any:
        connection = idle.pop() if idle else opened()
        connection.request("POST", PATH, body=_body(), headers=HEADERS)
        answer = connection.getresponse()
        content = answer.read()
        idle.append(connection)
        return _result(answer.status, content)

    return call


def httpcore(url: str, certificate: Path) -> Call:
    """What httpx is built on, its synchronous pool."""
    module = import_module("httpcore")
    pool = module.ConnectionPool(
        max_connections=None, max_keepalive_connections=KEPT, **_tls(url, certificate, "ssl_context")
    )
    seconds = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS}
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    def call() -> Any:
        body = _body()
        sized = [*headers, (b"Content-Length", str(len(body)).encode())]
        answer = pool.request(
            "POST", url + PATH, headers=sized, content=body, extensions={"timeout": seconds}
        )
        return _result(answer.status, answer.content)

    return call


def geventhttpclient(url: str, certificate: Path) -> Call:
    """A client for gevent alone, with llhttp."""
    module = import_module("geventhttpclient")
    client = module.HTTPClient.from_url(
        url,
        concurrency=KEPT,
        connection_timeout=CONNECT_SECONDS,
        network_timeout=READ_SECONDS,
        headers=HEADERS,
        ssl_context_factory=lambda **_: ssl.create_default_context(cafile=str(certificate)),
    )

    def call() -> Any:
        answer = client.request("POST", PATH, body=_body())
        return _result(answer.status_code, answer.read())

    return call


def pycurl_multi(url: str, certificate: Path) -> Call:
    """libcurl's multi interface on gevent's loop; its easy one (`perform`) would stop all greenlets while it waits."""
    curl = import_module("pycurl")
    transfers = _CurlTransfers(curl)
    idle: deque[Any] = deque()

    def opened() -> Any:
        handle = curl.Curl()
        for option, value in (
            (curl.URL, url + PATH),
            (curl.HTTPHEADER, [*(f"{name}: {value}" for name, value in HEADERS.items()), "Expect:"]),
            (curl.NOSIGNAL, 1),
            (curl.CONNECTTIMEOUT, int(CONNECT_SECONDS)),
            (curl.TIMEOUT, int(CONNECT_SECONDS + READ_SECONDS)),
            (curl.CAINFO, str(certificate)),
        ):
            handle.setopt(option, value)
        return handle

    def call() -> Any:
        handle = idle.pop() if idle else opened()
        pieces: list[bytes] = []
        handle.setopt(curl.WRITEFUNCTION, pieces.append)
        handle.setopt(curl.POSTFIELDS, _body())
        transfers.run(handle)
        idle.append(handle)
        return _result(handle.getinfo(curl.RESPONSE_CODE), b"".join(pieces))

    return call


class _CurlTransfers:
    def __init__(self, curl: Any) -> None:
        self._curl, self._loop = curl, gevent.get_hub().loop
        self._watchers: dict[int, Any] = {}
        self._timer: Any = None
        self._waiting: dict[Any, AsyncResult[str | None]] = {}
        self._multi = curl.CurlMulti()
        self._multi.setopt(curl.M_MAXCONNECTS, KEPT)
        self._multi.setopt(curl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(curl.M_TIMERFUNCTION, self._set_timer)

    def run(self, handle: Any) -> None:
        """Have it done while others work."""
        result = self._waiting[handle] = AsyncResult()
        self._multi.add_handle(handle)
        self._act(self._curl.SOCKET_TIMEOUT)
        if failed := result.get():
            raise RuntimeError(failed)

    def _act(self, descriptor: int) -> None:
        self._multi.socket_action(descriptor, 0)
        more = 1
        while more:
            more, done, failed = self._multi.info_read()
            for handle, *error in [*((handle,) for handle in done), *failed]:
                self._multi.remove_handle(handle)
                self._waiting.pop(handle).set(str(error) if error else None)

    def _watch(self, event: int, descriptor: int, *_: Any) -> None:
        if former := self._watchers.pop(descriptor, None):
            former.stop()
            former.close()
        if event != self._curl.POLL_REMOVE:
            wanted = bool(event & self._curl.POLL_IN) | bool(event & self._curl.POLL_OUT) << 1
            self._watchers[descriptor] = self._loop.io(descriptor, wanted)
            self._watchers[descriptor].start(self._act, descriptor)

    def _set_timer(self, milliseconds: int) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
        if milliseconds >= 0:
            self._timer = self._loop.timer(milliseconds / 1000)
            self._timer.start(self._act, self._curl.SOCKET_TIMEOUT)


def _body() -> bytes:
    return json.dumps(PARAMS, ensure_ascii=False, separators=(",", ":")).encode()


def _result(status: int, content: bytes) -> Any:
    if status != 200:
        raise RuntimeError(f"HTTP {status}")
    return json.loads(content)["result"]


def _tls(url: str, certificate: Path, argument: str) -> dict[str, Any]:
    """The argument that has a client trust the certificate, where it is to speak TLS."""
    if not url.startswith("https:"):
        return {}
    return {argument: ssl.create_default_context(cafile=str(certificate))}


CANDIDATES: dict[str, Callable[[str, Path], Call]] = {
    OURS: ours,
    "urllib3's pool, as before": urllib3_pool,
    "urllib3's pool, tuned": urllib3_tuned,
    "urllib3's connections": urllib3_connections,
    "http.client alone": standard_library,
    "httpcore": httpcore,
    "geventhttpclient": geventhttpclient,
    "pycurl (multi)": pycurl_multi,
}
