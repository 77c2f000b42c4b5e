"""What there is of one kind in the cluster, kept as it changes: listed once, then watched, listed anew where the watch lost its place."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.operations.programs.kubernetes.client import ApiError, ApiServer, Kind, Object

logger = logging.getLogger(__name__)
TOO_OLD: Final = 410  # the version that a watch would go on from is forgotten


@dataclass(frozen=True)
class Backoff:
    """Seconds before the next try after so many failures in a row: doubled each time, half of it by chance."""

    first: float = 1.0
    longest: float = 60.0

    def after(self, failures: int) -> float:
        """How long to wait; as many processes as wait so come back one after the other."""
        most = min(self.first * 2.0 ** min(failures - 1, 20), self.longest)
        return most / 2 + random.random() * most / 2


class Watch:
    """The objects of a kind with our labels, by name. `run` keeps them, in a thread of its own, until `stop`."""

    def __init__(
        self, api: ApiServer, kind: Kind, selector: str, changed: threading.Event, backoff: Backoff
    ) -> None:
        self.kind = kind
        self.is_listed = False
        self.trouble = ""  # why it does not know what there is now
        self.troubled_since: float | None = None  # epoch seconds
        self._api = api
        self._selector = selector
        self._changed = changed
        self._backoff = backoff
        self._objects: dict[str, Object] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._version = ""  # the last that is known, from which a watch goes on
        self._wake: Callable[[], None] = lambda: None

    def get(self, name: str) -> Object | None:
        """The object of that name; None when there is none."""
        with self._lock:
            return self._objects.get(name)

    def all(self) -> list[Object]:
        """Every object."""
        with self._lock:
            return list(self._objects.values())

    def put(self, found: Object) -> None:
        """Remember an object as the server just answered with it, before the watch tells of it."""
        with self._lock:
            self._objects[found["metadata"]["name"]] = found

    def stop(self) -> None:
        """Have `run` return soon."""
        self._stopped.set()
        self._wake()

    def run(self) -> None:
        """List and watch until `stop`."""
        failures = 0
        while not self._stopped.is_set():
            try:
                if not self._version:
                    self._list()
                self._follow()
                failures = 0
            except ApiError as error:
                if self._stopped.is_set():
                    return  # what was waited for was ended by us
                failures += 1
                if error.status == TOO_OLD:
                    self._version = ""
                    logger.info("%s are listed anew: the watch was too old", self.kind.plural)
                if error.status != TOO_OLD or failures > 1:
                    self._troubled(error)
                    self._stopped.wait(self._backoff.after(failures))

    def _list(self) -> None:
        found, self._version = self._api.list(self.kind, self._selector)
        with self._lock:
            self._objects = {each["metadata"]["name"]: each for each in found}
        self.is_listed = True
        self._well()
        self._changed.set()

    def _follow(self) -> None:
        """Watch until the server ends it, which one that ends it at once does not make us ask without a pause."""
        begun = time.monotonic()
        with self._api.watch(self.kind, self._selector, self._version) as (events, self._wake):
            self._well()
            for event in () if self._stopped.is_set() else events:
                found = event["object"]
                self._version = str(found["metadata"].get("resourceVersion") or self._version)
                if event["type"] != "BOOKMARK":
                    self._take(event["type"], found)
        self._stopped.wait(self._backoff.first - (time.monotonic() - begun))

    def _take(self, happened: str, found: Object) -> None:
        name = found["metadata"]["name"]
        with self._lock:
            if happened == "DELETED":
                self._objects.pop(name, None)
            else:
                self._objects[name] = found
        self._changed.set()

    def _troubled(self, error: ApiError) -> None:
        if self.troubled_since is None:
            self.troubled_since = time.time()
            logger.warning("what happens to %s is not known: %s", self.kind.plural, error)
            self._changed.set()
        self.trouble = f"{self.kind.plural}: {error}"

    def _well(self) -> None:
        if self.troubled_since is not None:
            logger.info("%s are watched again", self.kind.plural)
            self._changed.set()
        self.troubled_since, self.trouble = None, ""
