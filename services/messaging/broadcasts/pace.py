"""How many people of a broadcast each bot takes on now. Pure: moments are seconds on any steady clock."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from typing import Final

WINDOW_SECONDS: Final = 2.0  # of sending that a bot's outbox holds: longer than a pass at the ledger takes
FEWEST: Final = 0.5  # a bot's part of its rate that is worth a look at the ledger
SLOW_SECONDS: Final = (
    0.25  # from its turn to its outcome: more means that workers have no time left, which replies need first
)
JUDGED_EVERY_SECONDS: Final = 0.5
SLOWER, FASTER, SLOWEST = (
    0.6,
    0.05,
    0.02,
)  # what a share of the rate is multiplied by, what is added to it, the smallest


class Pace:
    """The bots of one running broadcast: what each may take on, and what it has under way."""

    def __init__(self, per_second: float, now: float) -> None:
        self._full_rate = float(per_second)
        self._share = 1.0  # of that rate, less while workers are late
        self._ages: list[float] = []
        self._due: dict[int, float] = {}  # person -> when their message is to leave: a bot's go one by one
        self._last_due: dict[int, float] = {}  # bot -> the same of the last one that it was given
        self._judged = now
        self._levels: dict[int, tuple[float, float]] = {}  # bot -> level of its bucket, and when
        self._began = now
        self.under_way: Counter[int] = Counter()
        self.bots: set[int] = set()  # with people who wait

    @property
    def _rate(self) -> float:
        return self._full_rate * self._share

    @property
    def _window(self) -> int:
        return max(2, math.ceil(self._rate * WINDOW_SECONDS))

    def given(self, bot: int, person: int, now: float) -> None:
        """The person is put at a step, whose message workers have to handle before it is in an outbox."""
        self._last_due[bot] = max(now, self._last_due.get(bot, 0.0) + 1.0 / self._full_rate)
        self._due[person] = self._last_due[bot]

    def age_of(self, person: int, now: float) -> float | None:
        """How many seconds ago their message was to leave; None of whom an earlier process put there, or whose call stands in an outbox."""
        due = self._due.pop(person, None)
        return None if due is None else now - due

    def heard(self, age: float, now: float) -> None:
        """An outcome came `age` seconds after its message was to leave: workers that are late get less."""
        self._ages.append(age)
        if now - self._judged < JUDGED_EVERY_SECONDS:
            return
        is_slow = sorted(self._ages)[len(self._ages) // 2] > SLOW_SECONDS
        self._share = max(SLOWEST, self._share * SLOWER) if is_slow else min(1.0, self._share + FASTER)
        self._ages.clear()
        self._judged = now

    @property
    def total(self) -> int:
        """People under way."""
        return self.under_way.total()

    def shares(self, bots: Collection[int], room: int, most: int, now: float) -> dict[int, int]:
        """How many people each of `bots` takes on now, `most` in all, of the `room` that its brake leaves; those with the fewest under way first."""
        left, found = min(room, most), {}
        even = max(1, math.ceil(room / max(1, len(bots))))
        for bot in sorted(bots, key=lambda each: self.under_way[each]):
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


def seconds_left(waiting: dict[int, int], per_second: float) -> float:
    """How long it takes: bots send side by side, so the one with the most people decides."""
    return max(waiting.values(), default=0) / max(0.001, per_second)
