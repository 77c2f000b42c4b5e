"""Serving the plain requests of a connection, which are nearly all, without gunicorn (ADR 21)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from gunicorn.http.wsgi import FileWrapper, Response, base_environ
from gunicorn.util import write_error
from gunicorn.workers.ggevent import VERSION, GeventWorker

from web.server.connections import Connection
from web.server.plain_http import LARGEST_HEAD, Headers, PlainRequest, Progress, RequestReader, write_answer

READ_SIZE: Final = LARGEST_HEAD + 8192  # bytes: a head and an update


class PlainService:
    """What a worker does itself; `worker` is gunicorn's."""

    def __init__(self, worker: GeventWorker) -> None:
        self._worker = worker
        self._base = {
            **base_environ(worker.cfg),  # type: ignore[no-untyped-call]
            "wsgi.multithread": True,
            "wsgi.url_scheme": "http",
            "SERVER_SOFTWARE": VERSION,
            "SCRIPT_NAME": "",
        }
        self._before = _own_hook(worker.cfg, "pre_request")
        self._after = _own_hook(worker.cfg, "post_request")

    def serve(self, connection: Connection, shared: dict[str, Any]) -> bytes:
        """Answer requests until one is odd, and give its bytes; none at the connection's end.

        `shared` is what the WSGI environments of the connection's requests have in common.
        """
        odd: bytes | None = None
        while odd is None:  # nothing of a request is kept while the next one is waited for
            odd = self._serve_one(connection, shared)
        return odd

    def _serve_one(self, connection: Connection, shared: dict[str, Any]) -> bytes | None:
        """None when the connection goes on."""
        reader = _read(connection)
        if reader is None or reader.progress is not Progress.WHOLE:
            return reader.received if reader else b""
        connection.expect_flow()
        request = reader.request()
        if not self._answer(connection, request, {**self._base, **shared, **request.environ()}):
            return b""
        connection.expect_request()
        return None

    def _answer(self, connection: Connection, request: PlainRequest, environ: dict[str, Any]) -> bool:
        """Have the application answer; whether the connection goes on."""
        answer = Answer(self._worker.cfg, request, connection, last=not self._worker.alive)
        if self._before is not None:
            self._before(self._worker, request)
        try:
            answer.send_all(self._worker.wsgi, environ)
        except OSError:
            raise
        except (Exception, SystemExit):
            self._worker.log.exception("Error handling request %s %s", request.method, request.path)
            if not answer.has_begun:
                write_error(connection, 500, "Internal Server Error", "")  # type: ignore[no-untyped-call]
            return False
        finally:
            if self._after is not None:
                self._after(self._worker, request, environ, answer)
        return not answer.is_last


class Answer:
    """One answer: sent in one piece when it is plain, else by gunicorn's `Response`."""

    __slots__ = ("_cfg", "_connection", "_headers", "_request", "_response", "_status", "is_last")

    def __init__(self, cfg: Any, request: PlainRequest, connection: Connection, *, last: bool) -> None:
        self._cfg = cfg
        self._request = request
        self._connection = connection
        self._status = ""
        self._headers: Headers = []
        self._response: Any = None
        self.is_last = last

    @property
    def has_begun(self) -> bool:
        """Whether something was sent, so that no error page may follow."""
        return self._response is not None and self._response.headers_sent

    def send_all(self, application: Any, environ: dict[str, Any]) -> None:
        """Send what a WSGI application answers."""
        body = application(environ, self.start_response)
        try:
            self._send(body)
        finally:
            if hasattr(body, "close"):
                body.close()

    def start_response(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        """WSGI's; `exc_info` stands for an error page instead of what was begun."""
        if exc_info and self.has_begun:
            raise exc_info[1]
        if self._status and not exc_info:
            raise AssertionError("start_response was called twice")
        self._status, self._headers = status, headers
        return self._write

    def _send(self, body: Iterable[bytes]) -> None:
        if isinstance(body, FileWrapper):
            self._at_length().write_file(body)
            self._finish()
            return
        chunks = iter(body)
        first = next(chunks, b"")
        if self._response is None:
            data = write_answer(self._request.method, self._status, self._headers, first, last=self.is_last)
            if data is not None:
                self._connection.sendall(data)
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
            self._response = Response(self._request, self._connection, self._cfg)  # type: ignore[no-untyped-call]
            if self.is_last:
                self._response.force_close()
            self._response.start_response(self._status, self._headers)
        return self._response


def _read(connection: Connection) -> RequestReader | None:
    """Read one request as far as it is plain and the peer sends it; None at the connection's end."""
    data = connection.recv(READ_SIZE)
    if not data:
        return None
    reader = RequestReader()
    reader.feed(data)
    while reader.progress in (Progress.HEAD, Progress.BODY):
        if reader.progress is Progress.BODY:
            connection.expect_flow()
        data = connection.recv(READ_SIZE)
        if not data:
            break
        reader.feed(data)
    return reader


def _own_hook(cfg: Any, name: str) -> Callable[..., None] | None:
    """A hook that the configuration sets; gunicorn's own do nothing but cost."""
    setting = cfg.settings[name]
    hook: Callable[..., None] = setting.get()
    return None if hook is setting.default else hook
