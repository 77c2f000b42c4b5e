"""When a broadcast stops itself, and how carefully it begins. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW: Final = 200  # the last outcomes that are looked at
FEWEST: Final = 20  # of which nothing is said before
FIRST: Final = 40  # people who may be under way while nothing is known yet


class Brake:
    """Trips when more than `limit_percent` of the last outcomes were blocks or failures; 0 never does."""

    def __init__(self, limit_percent: int) -> None:
        self._limit = limit_percent
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._bad = 0
        self.seen = 0

    def note(self, is_bad: bool) -> None:
        """One more outcome."""
        if len(self._last) == WINDOW and self._last[0]:
            self._bad -= 1
        self._last.append(is_bad)
        self._bad += is_bad
        self.seen += 1

    @property
    def has_tripped(self) -> bool:
        """Whether the limit is passed."""
        return (
            self._limit > 0 and len(self._last) >= FEWEST and self._bad * 100 > self._limit * len(self._last)
        )

    @property
    def room(self) -> int:
        """How many people may be under way: few at first, then as many as are known to have fared well."""
        return max(FIRST, self.seen) if self._limit else 1_000_000
