"""An API server of Kubernetes played at the socket: lists, watches, server-side apply with owners of fields, deletion with what is owned.

It knows what the driver relies on and no more: lists are taken as a whole, nothing is validated, and nobody starts pods but the test.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Object = dict[str, Any]
Path = tuple[str, ...]
# Answers a request itself: a status with a reason and fields, or "close" for a connection that just ends.
Fault = Callable[[str, str], tuple[int, str, list[str]] | str | None]
WATCH_TICK = 0.02
SERVERS_OWN = {("metadata", each) for each in ("uid", "resourceVersion", "generation", "managedFields")}


class Cluster:
    """The objects, whoever changed them, and what happened. `fault` may answer in its place."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.objects: dict[tuple[str, str], Object] = {}
        self.events: list[tuple[int, str, str, Object]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.fault: Fault = lambda _method, _path: None
        self.forgotten = 0  # versions up to it are too old to be watched from
        self.watches_end = threading.Event()
        self.lock = threading.RLock()
        self._owners: dict[tuple[str, str], dict[Path, set[str]]] = {}
        self._versions = count(1)
        self._uids = count(1)

    @property
    def version(self) -> int:
        """Of the last event."""
        return self.events[-1][0] if self.events else 0

    def get(self, plural: str, name: str) -> Object | None:
        """A copy of an object."""
        with self.lock:
            return deepcopy(self.objects.get((plural, name)))

    def names(self, plural: str) -> list[str]:
        """Of all objects of a kind, sorted."""
        with self.lock:
            return sorted(name for kind, name in self.objects if kind == plural)

    def asked(self, method: str, plural: str) -> int:
        """How many requests of a kind there were, watches apart."""
        with self.lock:
            return sum(
                each[0] == method and f"/{plural}" in each[1] and "watch" not in each[2]
                for each in self.requests
            )

    def apply(
        self, plural: str, name: str, config: Object, manager: str, *, force: bool
    ) -> Object | list[str]:
        """Server-side apply; the fields that are others' when it is refused."""
        with self.lock:
            key = (plural, name)
            owners, found = self._owners.setdefault(key, {}), self.objects.get(key)
            new = self._new(plural, name) if found is None else deepcopy(found)
            leaves = {path: each for path, each in _leaves(config) if path[0] not in ("apiVersion", "kind")}
            others = [
                path
                for path, value in leaves.items()
                if owners.get(path, {manager}) - {manager} and _at(new, path) != value
            ]
            if others and not force:
                return ["." + ".".join(path) for path in others]
            for path in [each for each, who in owners.items() if manager in who and each not in leaves]:
                owners[path].discard(manager)
                if not owners[path]:
                    del owners[path]
                    _remove(new, path)
            for path, value in leaves.items():
                changed = _at(new, path) != value
                owners[path] = {manager} if changed else owners.get(path, set()) | {manager}
                _set(new, path, deepcopy(value))
            new |= {"apiVersion": config["apiVersion"], "kind": config["kind"]}
            if plural == "deployments":
                new["spec"].setdefault("replicas", 1)
            return self._store(plural, name, new)

    def edit(self, plural: str, name: str, path: Path, value: Any, manager: str = "kubectl-edit") -> None:
        """Set one field as somebody else, who owns it from then on."""
        with self.lock:
            new = deepcopy(self.objects[plural, name])
            _set(new, path, value)
            self._owners.setdefault((plural, name), {})[path] = {manager}
            self._store(plural, name, new)

    def put(self, plural: str, name: str, found: Object) -> None:
        """Have an object be as a controller or a kubelet makes it."""
        with self.lock:
            new = self._new(plural, name) | deepcopy(found)
            new["metadata"] = self._new(plural, name)["metadata"] | new["metadata"]
            self._store(plural, name, new)

    def delete(self, plural: str, name: str) -> bool:
        """Delete an object and what it owns, pods apart: they take their time."""
        with self.lock:
            found = self.objects.pop((plural, name), None)
            self._owners.pop((plural, name), None)
            if found is None:
                return False
            self.events.append((next(self._versions), plural, "DELETED", found))
            uid = found["metadata"]["uid"]
            for kind, each in list(self.objects):
                owned_by = self.objects[kind, each]["metadata"].get("ownerReferences", [])
                if any(reference["uid"] == uid for reference in owned_by):
                    self.delete(kind, each)
            return True

    def forget(self) -> None:
        """End all watches; none can go on from a version of before."""
        with self.lock:
            self.forgotten = next(self._versions)
            self.events.append((self.forgotten, "", "", {}))
        self.end_watches()

    def end_watches(self) -> None:
        """End the watches that are open, as a server that restarts does."""
        self.watches_end.set()
        self.watches_end = threading.Event()

    def _new(self, plural: str, name: str) -> Object:
        known = self.objects.get((plural, name))
        uid = known["metadata"]["uid"] if known else f"uid-{next(self._uids)}"
        return {"metadata": {"name": name, "uid": uid, "generation": 0}, "spec": {}, "status": {}}

    def _store(self, plural: str, name: str, new: Object) -> Object:
        before = self.objects.get((plural, name))
        new["metadata"]["managedFields"] = self._managed(plural, name)
        if before is not None and _plain(before) == _plain(new):
            self.objects[plural, name] = new
            return deepcopy(new)
        version = next(self._versions)
        new["metadata"]["resourceVersion"] = str(version)
        self.objects[plural, name] = new
        self.events.append((version, plural, "MODIFIED" if before else "ADDED", deepcopy(new)))
        return deepcopy(new)

    def _managed(self, plural: str, name: str) -> list[Object]:
        entries: dict[str, Object] = {}
        for path, managers in self._owners.get((plural, name), {}).items():
            for manager in managers:
                _set(entries.setdefault(manager, {}), tuple(f"f:{each}" for each in path), {})
        return [{"manager": manager, "fieldsV1": fields} for manager, fields in entries.items()]


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


def _leaves(config: Object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _at(found: Any, path: Path) -> Any:
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _set(found: Object, path: Path, value: Any) -> None:
    for key in path[:-1]:
        found = found.setdefault(key, {})
    found[path[-1]] = value


def _remove(found: Object, path: Path) -> None:
    parent = _at(found, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)


def _plain(found: Object) -> Object:
    plain = deepcopy(found)
    for path in SERVERS_OWN:
        _remove(plain, path)
    return plain
