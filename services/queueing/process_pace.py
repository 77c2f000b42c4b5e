"""Whether a process has more to do than it can, and how long it then rests before what is cheaper done for many at once."""

from __future__ import annotations

import time
from typing import Final

from services.platform.redis.group_commit import let_others_submit

LATENESS_FACTOR: Final = (
    4  # a saturated worker wakes up some 7 ms late: it reads every 30 ms, and half as often (ADR 68)
)
EASING: Final = 0.9  # of the last wait is the least of the next: whoever wakes in time once is late still, and shares its reads
LONGEST_SECONDS: Final = 0.05  # nobody waits longer for a reader, however late it is


class ProcessPace:
    """`shortest` seconds lie between two reads while the process has time."""

    def __init__(self, shortest: float) -> None:
        self._shortest = self._seconds = shortest

    @property
    def is_late(self) -> bool:
        """Whether the process woke up late when it last rested."""
        return self._seconds > self._shortest

    def rest(self) -> None:
        """Wait until it is time for the next read."""
        began = time.monotonic()
        time.sleep(self._seconds)
        late = time.monotonic() - began - self._seconds
        self._seconds = min(
            LONGEST_SECONDS, max(self._shortest, LATENESS_FACTOR * late, EASING * self._seconds)
        )

    def gather(self) -> None:
        """Wait for others to join what one is about to do: a while in a late process, a moment in one that has time."""
        if self.is_late:
            self.rest()
        else:
            let_others_submit()
