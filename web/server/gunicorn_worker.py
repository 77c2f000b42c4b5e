"""gunicorn's gevent worker with a short way for plain requests, which are nearly all (ADR 15).

gunicorn reads and answers a request in 130 us of CPU, three times what a redirect takes us. The first request on a
connection that is not plain hands the connection over to gunicorn, with the bytes read so far.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import SHUT_RD, socket
from typing import Any

import gevent
from gunicorn.http.wsgi import FileWrapper, Response, base_environ
from gunicorn.util import write_error
from gunicorn.workers.ggevent import VERSION, GeventWorker

from web.server.plain_http import LARGEST_HEAD, Headers, PlainRequest, read_head, write_answer

AT_ONCE = LARGEST_HEAD + 8192  # bytes read at once: a head and an update
IDLE_SECONDS = 1.0  # after SIGTERM a connection waits so long for another request


class Worker(GeventWorker):
    """What gunicorn's configuration names as its worker class."""

    def init_process(self) -> None:
        """Look once whether the settings leave requests plain."""
        cfg = self.cfg
        self._plain = not (
            cfg.is_ssl
            or cfg.forwarded_allow_ips
            or cfg.proxy_protocol != "off"
            or cfg.max_requests
            or self.log.access_log_enabled
            or os.environ.get("SCRIPT_NAME")
        )
        self._before = _own_hook(cfg, "pre_request")
        self._after = _own_hook(cfg, "post_request")
        self._idle: dict[
            socket, float
        ] = {}  # connections that wait for a request, and since when; oldest first
        self._most_idle = cfg.worker_connections * 3 // 4
        super().init_process()  # type: ignore[no-untyped-call]

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: requests under way are answered, connections without one are not waited for."""
        super().handle_exit(sig, frame)  # type: ignore[no-untyped-call]
        gevent.spawn(self._end_idle)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection to its end."""
        if not self._plain or not self.cfg.keepalive or not isinstance(addr, tuple):
            super().handle(listener, client, addr)  # type: ignore[no-untyped-call]
            return
        client.setblocking(1)
        odd = None
        try:
            odd = self._serve_plain(client, self._environ(listener, client, addr))
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                self.log.exception("Socket error processing request.")
        finally:
            if odd is None:
                client.close()
        if odd is not None:
            super().handle(listener, _Resumed(client, odd, self.receive, self.cfg.keepalive), addr)  # type: ignore[no-untyped-call]

    def receive(self, client: socket, size: int) -> bytes:
        """The first bytes of a request; none at the connection's end, as when too many wait for one."""
        self._idle[client] = time.monotonic()
        if len(self._idle) > self._most_idle:  # silent connections must not keep others out
            _end(next(iter(self._idle)))
        try:
            return client.recv(size)
        finally:
            del self._idle[client]

    def _end_idle(self) -> None:
        """Until the process ends: a request may be on its way on a connection that waits only a moment."""
        while True:
            oldest = time.monotonic() - IDLE_SECONDS
            for client in [one for one, since in self._idle.items() if since < oldest]:
                _end(client)
            gevent.sleep(IDLE_SECONDS / 4)

    def _environ(self, listener: Any, client: Any, addr: tuple[str, int]) -> dict[str, Any]:
        """What all requests of a connection share."""
        host, port = listener.getsockname()[:2]
        return {
            **base_environ(self.cfg),  # type: ignore[no-untyped-call]
            "wsgi.multithread": True,
            "wsgi.url_scheme": "http",
            "gunicorn.socket": client,
            "SERVER_SOFTWARE": VERSION,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SCRIPT_NAME": "",
            "REMOTE_ADDR": addr[0],
            "REMOTE_PORT": str(addr[1]),
        }

    def _serve_plain(self, client: socket, shared: dict[str, Any]) -> bytes | None:
        """None at the connection's end, else the bytes of a request that is not plain."""
        while True:
            data = b""  # what a timeout leaves
            with gevent.Timeout(self.cfg.keepalive, False):  # type: ignore[arg-type]  # False: it ends the block silently
                data = self.receive(client, AT_ONCE)
                request = read_head(data) if data else None
                if request is None:
                    return data or None
                while len(data) < request.size + request.length:
                    more = client.recv(LARGEST_HEAD)
                    if not more:
                        return None
                    data += more
            if not data or len(data) < request.size + request.length:
                return None
            if len(data) > request.size + request.length:  # another request stands behind it already
                return data
            if not self._answer(client, request, {**shared, **request.environ(data[request.size :])}):
                return None

    def _answer(self, client: Any, request: PlainRequest, environ: dict[str, Any]) -> bool:
        """Have the application answer; whether the connection goes on."""
        answer = _Answer(self.cfg, request, client, last=not self.alive)
        if self._before is not None:
            self._before(self, request)
        try:
            body = self.wsgi(environ, answer.start_response)
            try:
                answer.send(body)
            finally:
                if hasattr(body, "close"):
                    body.close()
        except OSError:
            raise
        except (Exception, SystemExit):
            self.log.exception("Error handling request %s %s", request.method, request.path)
            if not answer.has_begun:
                write_error(client, 500, "Internal Server Error", "")  # type: ignore[no-untyped-call]
            return False
        finally:
            if self._after is not None:
                self._after(self, request, environ, answer)
        return not answer.is_last


class _Answer:
    """One answer: sent at once when it is plain, else by gunicorn's `Response`."""

    __slots__ = ("_cfg", "_client", "_headers", "_request", "_response", "_status", "is_last")

    def __init__(self, cfg: Any, request: PlainRequest, client: Any, *, last: bool) -> None:
        self._cfg = cfg
        self._request = request
        self._client = client
        self._status = ""
        self._headers: Headers = []
        self._response: Any = None
        self.is_last = last

    def start_response(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        """WSGI's; `exc_info` stands for an error page instead of what was begun."""
        if exc_info and self.has_begun:
            raise exc_info[1]
        if self._status and not exc_info:
            raise AssertionError("start_response was called twice")
        self._status, self._headers = status, headers
        return self._write

    @property
    def has_begun(self) -> bool:
        """Whether something was sent, so that no error page may follow."""
        return self._response is not None and self._response.headers_sent

    def send(self, body: Iterable[bytes]) -> None:
        """Send the answer with what `body` gives."""
        if isinstance(body, FileWrapper):
            self._at_length().write_file(body)
            self._finish()
            return
        chunks = iter(body)
        first = next(chunks, b"")
        if self._response is None:
            data = write_answer(self._request.method, self._status, self._headers, first, last=self.is_last)
            if data is not None:
                self._client.sendall(data)
                return
        self._write(first)
        for chunk in chunks:
            self._write(chunk)
        self._finish()

    def _write(self, data: bytes) -> None:
        self._at_length().write(data)

    def _finish(self) -> None:
        response = self._at_length()
        response.close()
        self.is_last = response.should_close()

    def _at_length(self) -> Any:
        if self._response is None:
            self._response = Response(self._request, self._client, self._cfg)  # type: ignore[no-untyped-call]
            if self.is_last:
                self._response.force_close()
            self._response.start_response(self._status, self._headers)
        return self._response


class _Resumed:
    """A connection of which some bytes were read already: gunicorn reads them first."""

    def __init__(
        self, client: Any, data: bytes, receive: Callable[[Any, int], bytes], seconds: float
    ) -> None:
        self._client = client
        self._data = data
        self._receive = receive
        self._seconds = seconds  # for a request to be all there: gunicorn waits for bodies without end
        self._until = time.monotonic() + seconds
        self._answered = False

    def recv(self, size: int) -> bytes:
        """As a socket's; ConnectionResetError when a request takes too long to come."""
        if self._data:
            data, self._data = self._data[:size], self._data[size:]
            return data
        if self._answered:  # a request's first bytes
            self._answered = False
            received = self._receive(self._client, size)
            self._until = time.monotonic() + self._seconds
            return received
        with gevent.Timeout(max(0.001, self._until - time.monotonic()), False):  # type: ignore[arg-type]
            found: bytes = self._client.recv(size)
            return found
        raise ConnectionResetError(errno.ECONNRESET, "The request took too long to come")

    def sendall(self, data: bytes) -> None:
        """As a socket's."""
        self._answered = True
        self._client.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def _end(client: socket) -> None:
    """Close an idle connection; bytes that have arrived can still be read."""
    with suppress(OSError):  # its peer was quicker
        client.shutdown(SHUT_RD)


def _own_hook(cfg: Any, name: str) -> Callable[..., None] | None:
    """A hook that the configuration sets; gunicorn's own do nothing but cost."""
    setting = cfg.settings[name]
    hook: Callable[..., None] = setting.get()
    return None if hook is setting.default else hook
