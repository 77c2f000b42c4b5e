"""Series of counters that have not moved for long are dropped: nobody says to a process that a bot is gone for good."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import Counter

from services.core.metrics import MESSAGES, WORKER_RESTARTS

# New bots come as long as a process lives. Whoever holds a series to count on it would count on a dropped one: such counters
# (`redirects_total`) stay out.
BY_BOT: Final = (MESSAGES, WORKER_RESTARTS)
IDLE_SECONDS: Final = 86_400.0  # Prometheus forgets a series after five minutes without it, and takes a smaller count for a restart
LOOK_SECONDS: Final = 600.0  # from one look to the next: it goes through thousands of series
Name = tuple[int, tuple[str, ...]]  # which counter, values of its labels


class IdleSeries:
    """Remembers when each series of some counters last moved. Counts of one that moves are never lost."""

    def __init__(
        self, counters: Sequence[Counter] = BY_BOT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._counters = counters
        self._clock = clock
        self._looks_at = clock()
        self._moved: dict[Name, tuple[float, float]] = {}  # -> count, and when it was first seen

    def drop(self) -> int:
        """Drop the series that show the same count for IDLE_SECONDS, if it is time to look; how many."""
        now = self._clock()
        if now < self._looks_at:
            return 0
        self._looks_at, seen = now + LOOK_SECONDS, self._counts()
        self._moved = {
            name: self._moved[name] if self._moved.get(name, (-1.0, 0.0))[0] == count else (count, now)
            for name, count in seen.items()
        }
        idle = [name for name, (_, since) in self._moved.items() if now - since >= IDLE_SECONDS]
        for number, values in idle:
            self._counters[number].remove(*values)
            del self._moved[number, values]
        return len(idle)

    def _counts(self) -> dict[Name, float]:
        return {
            (number, tuple(sample.labels.values())): sample.value
            for number, counter in enumerate(self._counters)
            for family in counter.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }
