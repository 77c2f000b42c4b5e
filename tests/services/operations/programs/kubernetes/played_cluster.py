"""What a played API server of Kubernetes holds: objects, who owns which of their fields, and what happened to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count
from typing import Any

Object = dict[str, Any]
Path = tuple[str, ...]
# Answers a request itself: a status with a reason and fields, or "close" for a connection that just ends.
Fault = Callable[[str, str], tuple[int, str, list[str]] | str | None]
SERVERS_OWN = [("metadata", each) for each in ("uid", "resourceVersion", "generation", "managedFields")]


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
