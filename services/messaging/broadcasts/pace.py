"""How many people of a broadcast each bot takes on now. Pure: moments are seconds on any steady clock."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

WINDOW_SECONDS: Final = 2.0  # of sending that a bot's outbox holds: longer than a pass at the ledger takes
FEWEST: Final = 0.5  # a bot's part of its rate that is worth a look at the ledger


class Pace:
    """The bots of one running broadcast: what each may take on, and what it has under way."""

    def __init__(self, per_second: int, now: float) -> None:
        self._rate = float(per_second)
        self._levels: dict[int, tuple[float, float]] = {}  # bot -> level of its bucket, and when
        self._began = now
        self.under_way: Counter[int] = Counter()
        self.bots: set[int] = set()  # with people who wait

    @property
    def _window(self) -> int:
        return max(2, math.ceil(self._rate * WINDOW_SECONDS))

    @property
    def total(self) -> int:
        """People under way."""
        return self.under_way.total()

    def shares(self, room: int, most: int, now: float) -> dict[int, int]:
        """How many people each bot takes on now, `most` in all, of the `room` that its brake leaves; those with the fewest under way first."""
        left, found = min(room, most), {}
        even = max(1, math.ceil(room / max(1, len(self.bots))))
        for bot in sorted(self.bots, key=lambda each: self.under_way[each]):
            number = min(int(self._level(bot, now)), self._window - self.under_way[bot], even, left)
            if number >= max(1, min(int(self._rate * FEWEST), even, left)):
                found[bot] = number
                left -= number
        return found

    def taken(self, bot: int, number: int, now: float) -> None:
        """So many were taken on."""
        self._levels[bot] = (self._level(bot, now) - number, now)
        self.under_way[bot] += number

    def settled(self, bot: int) -> None:
        """One of them is settled."""
        self.under_way[bot] = max(0, self.under_way[bot] - 1)

    def _level(self, bot: int, now: float) -> float:
        level, at = self._levels.get(bot, (self._rate, self._began))
        return min(max(1.0, self._rate), level + (now - at) * self._rate)


def seconds_left(waiting: dict[int, int], per_second: int) -> float:
    """How long it takes: bots send side by side, so the one with the most people decides."""
    return max(waiting.values(), default=0) / max(1, per_second)
