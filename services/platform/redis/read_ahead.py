"""A cache that reads the rows of many keys in one go, before somebody asks for each of them."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from services.platform.redis.cache import EVERYTHING, ChangeCache, Value

Row = TypeVar("Row")
READ_AT_ONCE = 128  # of the database, without a pause for others
MAX_AHEAD = 1024  # rows that wait for their first use, in each cache of a process
BACKOFF_SECONDS = 5.0  # after a failed reading: readers of lanes and outboxes must not stand in line for a database that is away


class ReadAheadCache(ChangeCache[int, Value], Generic[Row, Value]):
    """Keys are the identities of what changes. A value is made of its row when it is first asked for, never ahead: making
    one may run code of others or open a secret.
    """

    backoff = BACKOFF_SECONDS

    def __init__(self) -> None:
        super().__init__()
        self._ahead: dict[int, Row] = {}  # read, and not yet asked for
        self._reading = threading.Lock()
        self._resumes_at = 0.0  # on the monotonic clock

    @abstractmethod
    def _read(self, keys: Sequence[int]) -> Mapping[int, Row]:
        """The rows there are of these keys, in as many queries for many as for one."""

    @abstractmethod
    def _make(self, key: int, row: Row) -> Value:
        """The value of a row."""

    def read_ahead(self, keys: Iterable[int]) -> None:
        """Read the rows of keys that are not at hand, as far as there is room.

        Raises what `_read` raises, Unavailable for one; then it reads nothing for a while, and each key is asked for alone.
        """
        missing = [key for key in dict.fromkeys(keys) if key not in self._kept]
        if not missing:
            return
        with self._reading:  # whoever wants the same meanwhile finds it when it is his turn
            if time.monotonic() < self._resumes_at:
                return
            wanted = [key for key in missing if key not in self._kept and key not in self._ahead]
            wanted = wanted[: MAX_AHEAD - len(self._ahead)]
            try:
                for start in range(0, len(wanted), READ_AT_ONCE):
                    self._take_ahead(wanted[start : start + READ_AT_ONCE])
                    time.sleep(0)
            except Exception:
                self._resumes_at = time.monotonic() + self.backoff
                raise

    def _take_ahead(self, keys: Sequence[int]) -> None:
        heard: set[int | None] = set()
        self._heard[id(heard)] = heard
        try:
            rows = self._read(keys)
            with self._lock:
                if EVERYTHING not in heard:
                    self._ahead.update((key, row) for key, row in rows.items() if key not in heard)
        finally:
            del self._heard[id(heard)]

    def _load(self, key: int) -> Value | None:
        with self._lock:
            row = self._ahead.pop(key, None)
        if row is None:
            row = self._read([key]).get(key)
        return None if row is None else self._make(key, row)

    def _outdated(self, identity: int | None) -> None:
        if identity is EVERYTHING:
            self._ahead.clear()
        else:
            self._ahead.pop(identity, None)
