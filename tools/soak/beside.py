"""Work that is done again and again beside the looks, each kind in a thread of its own: a look must not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from services.core.errors import FlotillaError


class Beside:
    """Calls `work` each `period` seconds, first after `first`; never twice at once. What failed stands in `failures`."""

    def __init__(self, work: Callable[[], int], period: float, first: float) -> None:
        self._work = work
        self._period = period
        self._due = first
        self._pool = ThreadPoolExecutor(1)
        self._running: Future[int] | None = None
        self.done = 0  # the sum of what it gave
        self.failures: list[str] = []

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def at(self, seconds: float) -> None:
        """Begin it if it is due, `seconds` after the first visitor, and the former time is over."""
        if seconds >= self._due and (self._running is None or self._running.done()):
            self.finish()
            self._due = seconds + self._period
            self._running = self._pool.submit(self._work)

    def finish(self) -> None:
        """Wait for what is under way."""
        running, self._running = self._running, None
        if running is None:
            return
        try:
            self.done += running.result()
        except FlotillaError as error:  # the run goes on, and ends as one that failed
            self.failures.append(f"{error.code}: {error.__cause__ or error}".partition("\n")[0])
