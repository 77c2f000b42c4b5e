"""Waiting for work without a connection per program: one reader in a process wakes those whose bot got something.

Hints come by a stream that is capped and read from its end. Whoever waits looks again every LOOK_SECONDS as well, so a lost hint,
a lease that ran out and an update that was given back are found too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import Redis, RedisError

from services.queueing.work_hints import WorkHints

logger = logging.getLogger(__name__)
LOOK_SECONDS: Final = 2.0
READ_SECONDS: Final = 2.5  # how long one read waits: nobody blocks a connection for longer
BACKOFF_SECONDS: Final = 0.5
MOST_WAITING: Final = 500  # programs at once in one process; beyond it an empty answer comes at once


class WorkBell:
    """Wakes the programs that wait in this process. Its reader runs while somebody waits, on one connection."""

    def __init__(self, blocking_redis: Redis) -> None:
        self._redis = blocking_redis
        self._lock = threading.Lock()
        self._waiting: dict[int, set[threading.Event]] = defaultdict(set)
        self._reads = False

    @contextmanager
    def listening(self, bot_id: int) -> Iterator[threading.Event | None]:
        """An event that is set when the bot got work from now on; None when too many wait here already."""
        heard = threading.Event()
        if not self._join(bot_id, heard):
            yield None
            return
        try:
            yield heard
        finally:
            with self._lock:
                self._waiting[bot_id].discard(heard)
                if not self._waiting[bot_id]:
                    del self._waiting[bot_id]

    def _join(self, bot_id: int, heard: threading.Event) -> bool:
        with self._lock:
            if sum(map(len, self._waiting.values())) >= MOST_WAITING:
                return False
            self._waiting[bot_id].add(heard)
            starts, self._reads = not self._reads, True
        if starts:
            threading.Thread(target=self._read_for_ever, daemon=True, name="work-bell").start()
        return True

    def _read_for_ever(self) -> None:
        hints = WorkHints(self._redis)
        while self._goes_on():
            try:
                if not hints.began:
                    hints.begin()
                    self._ring_all()  # what came before is looked for by all who wait
                self._ring(hints.wait(READ_SECONDS))
            except RedisError as error:
                logger.debug("the bell of workers cannot be heard: %s", type(error).__name__)
                time.sleep(BACKOFF_SECONDS)

    def _goes_on(self) -> bool:
        with self._lock:
            self._reads = bool(self._waiting)
            return self._reads

    def _ring_all(self) -> None:
        with self._lock:
            bots = set(self._waiting)
        self._ring(bots)

    def _ring(self, bots: set[int]) -> None:
        with self._lock:
            for heard in [each for bot_id in bots for each in self._waiting.get(bot_id, ())]:
                heard.set()
