"""An API server of Kubernetes played at the socket: lists, watches, server-side apply, deletion.

It knows what the driver relies on and no more: nothing is validated, and nobody starts pods but the test.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.services.operations.programs.kubernetes.played_cluster import Cluster, Object

WATCH_TICK = 0.02


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        """Be known to the server, which may end it."""
        super().setup()
        self.server.connections.append(self.connection)

    def do_GET(self) -> None:
        """List or watch."""
        plural, _, query = self._begin()
        if not plural:
            return
        if query.get("watch"):
            self._watch(plural, query)
            return
        cluster, wanted = self.server.cluster, query.get("labelSelector", "")
        with cluster.lock:
            found = [
                each
                for (kind, _), each in sorted(cluster.objects.items())
                if kind == plural and _matches(each, wanted)
            ]
            start = int(query.get("continue", 0))
            end = start + int(query.get("limit", 1000))
            more = {"continue": str(end)} if end < len(found) else {}
            self._answer(
                200,
                {"items": found[start:end], "metadata": {"resourceVersion": str(cluster.version), **more}},
            )

    def do_PATCH(self) -> None:
        """Server-side apply."""
        plural, name, query = self._begin()
        if not plural:
            return
        config = json.loads(self._body)
        assert self.headers["Content-Type"] == "application/apply-patch+yaml"
        force = query["force"] == "true"
        done = self.server.cluster.apply(plural, name, config, query["fieldManager"], force=force)
        if isinstance(done, list):
            self._refuse(409, "Conflict", done)
        else:
            self._answer(200, done)

    def do_DELETE(self) -> None:
        """Delete, if it is the one that is meant."""
        plural, name, _ = self._begin()
        if not plural:
            return
        found, options = self.server.cluster.get(plural, name), json.loads(self._body)
        assert options["propagationPolicy"] == "Background"
        if found is not None and found["metadata"]["uid"] != options["preconditions"]["uid"]:
            self._refuse(409, "Conflict", [])
        elif self.server.cluster.delete(plural, name):
            self._answer(200, {"kind": "Status"})
        else:
            self._refuse(404, "NotFound", [])

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at `requests`."""

    def _begin(self) -> tuple[str, str, dict[str, str]]:
        """The plural, the name and the query of a request; an empty plural for one that was answered already."""
        cluster, parts = self.server.cluster, urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with cluster.lock:
            cluster.requests.append((self.command, parts.path, query))
        fault = cluster.fault(self.command, self.path)
        if self.headers.get("Authorization") != f"Bearer {cluster.token}":
            self._refuse(401, "Unauthorized", [])
        elif fault == "close":
            self.close_connection = True
            self.connection.close()
        elif isinstance(fault, tuple):
            self._refuse(*fault)
        else:
            _, _, rest = parts.path.partition("/namespaces/")
            _, plural, *names = rest.split("/")
            return plural, "".join(names), query
        return "", "", query

    def _watch(self, plural: str, query: dict[str, str]) -> None:
        cluster, seen = self.server.cluster, int(query["resourceVersion"])
        ends, until = cluster.watches_end, time.monotonic() + int(query["timeoutSeconds"])
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if seen < cluster.forgotten:
            self._chunk({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "kind": "Status"}})
        while not ends.is_set() and seen >= cluster.forgotten and time.monotonic() < until:
            with cluster.lock:
                new = [each for each in cluster.events if each[0] > seen]
            for version, kind, happened, found in new:
                seen = version
                if kind == plural and _matches(found, query["labelSelector"]):
                    self._chunk({"type": happened, "object": found})
            ends.wait(WATCH_TICK)
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, event: Object) -> None:
        line = json.dumps(event).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

    def _refuse(self, status: int, reason: str, fields: list[str]) -> None:
        causes = [{"field": each, "message": f"the server quotes {self._body!r}"} for each in fields]
        said = {"kind": "Status", "message": f"no: {self._body!r}", "details": {"causes": causes}}
        self._answer(status, {**said, "reason": reason})

    def _answer(self, status: int, body: Object) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


class Server(ThreadingHTTPServer):
    """Serves a cluster; another one may serve it on the same port when this one is closed."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, cluster: Cluster, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.cluster = cluster
        self.connections: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients may leave."""

    def close(self) -> None:
        """Serve no more; what is open ends."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)
        self.cluster.end_watches()


def _matches(found: Object, selector: str) -> bool:
    labels = found["metadata"].get("labels", {})
    return all(
        labels.get(name) == value for name, _, value in (each.partition("=") for each in selector.split(","))
    )
