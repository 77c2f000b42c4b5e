# mypy: disable-error-code="import-untyped,misc"
"""The listening process: Bot API calls go straight to BotApi, everything else to Flask."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gevent.pywsgi import WSGIHandler, WSGIServer

from tools.sandbox.api import BotApi
from tools.sandbox.delivery import Deliveries
from tools.sandbox.errors import ConnectionDroppedError
from tools.sandbox.posting import READ_TIMEOUT, Poster
from tools.sandbox.web import create_web
from tools.sandbox.world import Settings, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

STOP_TIMEOUT = 0.5
"""Seconds that running requests (long polls) get at the end."""
BACKLOG = 2048
_LINGER_ZERO = struct.pack("ii", 1, 0)


class Handler(WSGIHandler):
    """pywsgi's handler: drops connections on purpose, sends head and body in one packet, logs nothing."""

    _held: bytearray | None = None

    def _write_with_headers(self, data: bytes) -> None:
        """One packet instead of two: halves the system calls and keeps Nagle's algorithm out."""
        self._held = held = bytearray()
        super()._write_with_headers(data)
        self._held = None
        self._sendall(held)

    def _sendall(self, data: bytes | bytearray) -> None:
        if self._held is None:
            super()._sendall(data)
        else:
            self._held += data

    def handle_error(self, kind: Any, value: Any, trace: Any) -> None:
        """Close without an answer for ConnectionDroppedError; a 500 and a trace for everything else."""
        if not isinstance(value, ConnectionDroppedError):
            super().handle_error(kind, value, trace)
            return
        if value.reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self.close_connection = True

    def log_request(self) -> None:
        """No access log: its lines would carry tokens."""


class SandboxServer:
    """A sandbox that can be started and stopped; needs gevent's patches for webhook delivery."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8081,
        settings: Settings | None = None,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self.world = World(settings or Settings())
        self._deliveries = Deliveries(self.world, Poster(self.world.settings.allow_hosts, read_timeout))
        self._api = BotApi(self.world)
        self._web = create_web(self.world)
        self._host = host
        listener = (host, port)
        self._server = WSGIServer(
            listener,
            self._application,
            log=None,
            handler_class=Handler,
            backlog=BACKLOG,
            environ={"SERVER_NAME": host},
        )

    def _application(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path.startswith(("/bot", "/file/bot")) and "/" in path[1:]:
            return self._api(environ, start_response)
        answer: Iterable[bytes] = self._web(environ, start_response)
        return answer

    @property
    def url(self) -> str:
        """The address it listens on; the real port also when 0 was asked for."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.server_port}"

    def start(self) -> None:
        """Listen; returns at once, requests are answered in greenlets."""
        self._server.start()

    def stop(self) -> None:
        """Stop listening and delivering, within about STOP_TIMEOUT seconds."""
        self._deliveries.stop()
        self._server.stop(timeout=STOP_TIMEOUT)
