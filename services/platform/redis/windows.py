"""Requests counted in fixed windows: shared through Redis, in this process alone while Redis takes no counts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from limits.storage import MemoryStorage
from redis import Redis, RedisError
from redis.client import Pipeline

from services.platform.redis import keys

logger = logging.getLogger(__name__)
RETRY_SECONDS: Final = (
    1.0  # how long a Redis that failed is left alone; then one request finds out whether it is back
)
MAX_NAMES: Final = 10_000  # a flood of names must not fill the memory of a process


@dataclass(frozen=True, slots=True)
class Window:
    """How often something was done in the window that ends at `ends_at` (epoch seconds)."""

    count: int
    ends_at: float


class ProcessMemory(MemoryStorage):
    """Counts of this process alone. With too many names all are forgotten: it stands in for minutes, not for good."""

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count in a fixed window of `expiry` seconds, which begins with the first use."""
        self._keep_small()
        return super().incr(key, expiry, amount)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Whether there was room in the last `expiry` seconds; it is taken then."""
        self._keep_small()
        return super().acquire_entry(key, limit, expiry, amount)

    def _keep_small(self) -> None:
        if len(self.storage) + len(self.events) >= MAX_NAMES:
            self.reset()


class FixedWindows:
    """The counts of one application, by name. Creating it does no I/O, and nothing here raises RedisError."""

    def __init__(self, redis: Redis, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._redis = redis
        self._retry_seconds = retry_seconds
        self._away = False
        self._next_try = 0.0  # monotonic; while Redis is away

    @cached_property
    def _memory(self) -> ProcessMemory:
        return ProcessMemory()

    def count(self, name: str, seconds: int, amount: int = 1) -> Window:
        """Count `amount` uses of `name` (fewer than none: take them back) in its window of `seconds`."""

        def put(pipe: Pipeline, key: str) -> None:
            pipe.incrby(key, amount)
            pipe.expire(key, seconds, nx=True)

        found = self._ask(name, put)
        if found is not None:
            return Window(int(found[0]), found[-1])
        used = self._memory.incr(name, seconds, amount)
        return Window(used, self._memory.get_expiry(name))

    def look(self, name: str) -> Window:
        """The window of `name` as it stands, without counting."""
        found = self._ask(name, lambda pipe, key: pipe.get(key))
        if found is not None:
            return Window(int(found[0] or 0), found[-1])
        return Window(self._memory.get(name), self._memory.get_expiry(name))

    def clear(self, name: str) -> None:
        """Forget what was counted of `name`."""
        self._ask(name, lambda pipe, key: pipe.delete(key))
        self._memory.clear(name)

    def _ask(self, name: str, put: Callable[[Pipeline, str], Any]) -> list[Any] | None:
        """The answers to the commands that `put` puts, then the window's end, in one round trip; None without Redis."""
        now = time.monotonic()
        if self._away and now < self._next_try:
            return None
        self._next_try = now + self._retry_seconds
        try:
            with self._redis.pipeline() as pipe:
                put(pipe, key := keys.request_window(name))
                pipe.pttl(key)
                *answers, left = pipe.execute()
        except RedisError as error:
            if not self._away:
                logger.warning("requests are counted in this process only: %s", type(error).__name__)
            self._away = True
            return None
        if self._away:
            logger.warning("requests are counted in Redis again")
        self._away = False
        return [*answers, time.time() + max(0, int(left)) / 1000]
