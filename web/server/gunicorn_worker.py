"""gunicorn's gevent worker, with limits for its connections and a short way for plain requests (ADR 21).

gunicorn reads and answers a request in 130 us of CPU, three times what a redirect takes us. The first request on a connection that is
not plain hands the connection over to gunicorn, with the bytes read so far.
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

import gevent
from gunicorn.http.body import Body
from gunicorn.workers.ggevent import GeventWorker

from web.server.connections import Connection, OpenConnections
from web.server.listener import DrainingServer
from web.server.patience import Limits
from web.server.plain_http import LARGEST_BODY
from web.server.plain_service import PlainService


class Worker(GeventWorker):
    """What gunicorn's configuration names as its worker class."""

    limits = Limits()  # the configuration's `keepalive` and `worker_connections` take the place of two

    def init_process(self) -> None:
        """Look once whether the settings leave requests plain."""
        cfg = self.cfg
        limits = replace(self.limits, idle=float(cfg.keepalive), connections=cfg.worker_connections)
        self._connections = OpenConnections(limits)
        self._service = PlainService(self) if _leaves_requests_plain(self) else None
        super().init_process()  # type: ignore[no-untyped-call]

    def server_class(  # type: ignore[override]
        self, listener: Any, *, spawn: Any, **_: Any
    ) -> DrainingServer:
        """What listens, made by gunicorn; it would take one of its own that loses clients when it closes."""
        server = DrainingServer(listener, handle=partial(self.handle, listener), spawn=spawn)
        if self.cfg.workers > 1:
            server.max_accept = 1  # as gunicorn's: the others take their share
        return server

    def notify(self) -> None:
        """Called once a second."""
        super().notify()  # type: ignore[no-untyped-call]
        self._connections.end_overdue()
        if not self.alive:
            self._connections.end_idle()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: requests under way are answered, connections without one are not waited for."""
        super().handle_exit(sig, frame)  # type: ignore[no-untyped-call]
        gevent.spawn(self._connections.end_idle)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection to its end."""
        if self.cfg.is_ssl or self.cfg.http2_cleartext != "off":  # not HTTP/1 on a plain socket
            super().handle(listener, client, addr)  # type: ignore[no-untyped-call]
            return
        connection = self._connections.admit(client, addr)
        if connection is None:
            return
        try:
            if self._service is None or self._meets_odd(self._service, listener, connection, addr):
                super().handle(listener, connection, addr)  # type: ignore[no-untyped-call]
        finally:
            connection.close()
            self._connections.forget(connection)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """gunicorn's, with the body there before the application is called, and gone before the next request may come."""
        if not isinstance(sock, Connection):
            super().handle_request(listener_name, req, sock, addr)  # type: ignore[no-untyped-call]
            return
        sock.expect_flow()
        if not any(name == "EXPECT" for name, _ in req.headers):  # else it comes only when it is asked for
            _await_body(req.body)
        super().handle_request(listener_name, req, sock, addr)  # type: ignore[no-untyped-call]
        while req.body.read(LARGEST_BODY):
            pass
        sock.expect_request()

    def _meets_odd(self, service: PlainService, listener: Any, connection: Connection, addr: Any) -> bool:
        """Answer plain requests; whether another one came behind them. Its bytes are unread then."""
        try:
            odd = service.serve(connection, _connection_environ(listener, connection, addr))
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                self.log.exception("Socket error processing request.")
            return False
        connection.unread(odd)
        return bool(odd)


def _await_body(body: Body) -> None:
    """Have the first 64 KB of a body read, so that one that drips keeps nobody but its connection busy."""
    found: bytes = body.read(LARGEST_BODY)  # type: ignore[no-untyped-call]
    found += body.buf.getvalue()
    body.buf = BytesIO()
    body.buf.write(found)


def _leaves_requests_plain(worker: GeventWorker) -> bool:
    """Whether gunicorn is set up to take nothing from a request's fields itself, and to count nothing."""
    cfg = worker.cfg
    return not (
        cfg.forwarded_allow_ips
        or cfg.proxy_protocol != "off"
        or cfg.max_requests
        or not cfg.keepalive
        or worker.log.access_log_enabled
        or not all(isinstance(address, tuple) for address in cfg.address)  # a Unix socket
        or os.environ.get("SCRIPT_NAME")
    )


def _connection_environ(listener: Any, connection: Connection, addr: tuple[str, int]) -> dict[str, Any]:
    """What the WSGI environments of all requests of a connection have in common, and of no other."""
    host, port = listener.getsockname()[:2]
    return {
        "gunicorn.socket": connection,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": addr[0],
        "REMOTE_PORT": str(addr[1]),
    }
