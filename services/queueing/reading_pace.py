"""How long a reader of a busy stream waits before it reads again.

A read that brings a single entry costs as much as one of ten. A process that has more to do than it can reads less often and
more at once: it notices by how late it wakes up.
"""

from __future__ import annotations

import time
from typing import Final

LATENESS_FACTOR: Final = (
    4  # a saturated worker wakes up some 7 ms late: it reads every 30 ms, and half as often (ADR 68)
)
LONGEST_SECONDS: Final = 0.05  # nobody waits longer for a reader, however late it is


class ReadingPace:
    """Of one reader. `shortest` seconds lie between two reads while the process has time."""

    def __init__(self, shortest: float) -> None:
        self._shortest = self._seconds = shortest

    def rest(self) -> None:
        """Wait until it is time for the next read."""
        began = time.monotonic()
        time.sleep(self._seconds)
        late = time.monotonic() - began - self._seconds
        self._seconds = min(LONGEST_SECONDS, max(self._shortest, LATENESS_FACTOR * late))
