"""Whether a process has more to do than it can, and how long it then rests before what is cheaper done for many at once."""

from __future__ import annotations

import time
from typing import Final

from services.platform.redis.group_commit import let_others_submit

LATENESS_FACTOR: Final = (
    4  # a saturated worker wakes up some 7 ms late: it rests for 30 ms, and reads half as often (ADR 68)
)
EASING: Final = 0.9  # of the last rest is the least of the next: whoever wakes in time once is late still
LONGEST_SECONDS: Final = 0.05  # nobody waits longer, however late the process is
LATE_FOR_SECONDS: Final = 0.2  # a process that has not rested for so long has nothing to do


class ProcessPace:
    """`shortest` seconds lie between two reads while the process has time. For threads and greenlets."""

    def __init__(self, shortest: float) -> None:
        self._shortest = self._seconds = shortest
        self._rested = 0.0  # when, on the monotonic clock

    @property
    def is_late(self) -> bool:
        """Whether the process woke up late when it rested a moment ago."""
        return self._seconds > self._shortest and time.monotonic() - self._rested < LATE_FOR_SECONDS

    def rest(self) -> None:
        """Wait until it is time for what comes next."""
        began, wanted = time.monotonic(), self._seconds if self.is_late else self._shortest
        time.sleep(wanted)
        self._rested = time.monotonic()
        late = self._rested - began - wanted
        self._seconds = min(LONGEST_SECONDS, max(self._shortest, LATENESS_FACTOR * late, EASING * wanted))

    def gather(self) -> None:
        """Wait for others to join what one is about to do: a while in a late process, a moment in one that has time."""
        if self.is_late:
            self.rest()
        else:
            let_others_submit()
