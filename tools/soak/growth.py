"""Does a series of figures grow without bound? A line is laid through it; no I/O here.

The line is that of Theil and Sen: its slope is the median of the slopes between all pairs of samples, so that a few outliers, the teeth of
a saw and a garbage collection do not turn it. (P. K. Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", Journal of
the American Statistical Association 63, 1968.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from statistics import median
from typing import Final

FEWEST_SAMPLES: Final = 8  # in each half of what is judged
MOST_SAMPLES: Final = 160  # more are thinned: pairs grow with the square
RISING_SHARE: Final = (
    0.6  # of all pairs of samples; noise about a level has a half, and less where samples are equal
)


@dataclass(frozen=True)
class Work:
    """What had been done until a moment: the units that growth is by right counted in. `hours` are real ones."""

    clicks: int = 0
    people: int = 0  # that were new to their bot
    updates: int = 0
    hours: float = 0.0

    def since(self, before: Work) -> Work:
        """What was done after `before`."""
        return Work(
            self.clicks - before.clicks,
            self.people - before.people,
            self.updates - before.updates,
            self.hours - before.hours,
        )


@dataclass(frozen=True)
class Sample:
    """One look: `at` in seconds since the first visitor, and what had been done by then."""

    at: float
    work: Work
    value: float


@dataclass(frozen=True)
class Allowance:
    """What a series may grow by over the whole of what is judged: noise, and so much for each unit of work.

    `floor` is in the units of the series, `share` of its level. Without `judged` it is shown alone.
    """

    floor: float = 0.0
    share: float = 0.0
    click: float = 0.0
    person: float = 0.0
    update: float = 0.0
    hour: float = 0.0
    judged: bool = True
    why: str = ""

    def noise(self, level: float) -> float:
        """What says nothing about growth."""
        return self.floor + self.share * abs(level)

    def by_right(self, work: Work) -> float:
        """What that much work brings with it."""
        return (
            self.click * work.clicks
            + self.person * work.people
            + self.update * work.updates
            + self.hour * work.hours
        )


class State(StrEnum):
    """What became of a series."""

    FLAT = "flat"
    BY_RIGHT = "by right"  # it grew, no faster than its allowance
    SETTLES = "settles"  # it grew at first and no more in the second half
    GROWS = "GROWS"
    SHOWN = "shown"  # not judged


@dataclass(frozen=True)
class Verdict:
    """A judged series. `growth` is what its line rises by over what is judged, `allowed` what it may."""

    name: str
    state: State
    level: float  # median
    growth: float
    late_growth: float  # in the second half
    allowed: float
    work: Work
    why: str = ""

    @property
    def per_hour(self) -> float:
        """The growth in a real hour."""
        return self.growth / self.work.hours if self.work.hours else 0.0

    @property
    def per_update(self) -> float:
        """The growth for each update."""
        return self.growth / self.work.updates if self.work.updates else 0.0


def judge(name: str, samples: Sequence[Sample], allowance: Allowance) -> Verdict:
    """What became of it after the warm-up, whose samples are not among these. ValueError with too few of them."""
    if len(samples) < 2 * FEWEST_SAMPLES:
        raise ValueError(f"{name}: {len(samples)} samples are too few to judge by")
    middle = (samples[0].at + samples[-1].at) / 2
    late = [each for each in samples if each.at >= middle]
    if len(late) < FEWEST_SAMPLES:
        raise ValueError(f"{name}: {len(late)} samples in the second half are too few to judge by")
    level = median(each.value for each in samples)
    work, growth = samples[-1].work.since(samples[0].work), rise(samples)
    late_work, late_growth = late[-1].work.since(late[0].work), rise(late)
    noise = allowance.noise(level)
    allowed = noise + allowance.by_right(work)
    is_more = growth > allowed and rising_share(samples) > RISING_SHARE
    goes_on = late_growth > noise / 2 + allowance.by_right(late_work)
    state = _state(allowance, growth > noise, is_more, goes_on)
    return Verdict(name, state, level, growth, late_growth, allowed, work, allowance.why)


def _state(allowance: Allowance, is_growing: bool, is_more: bool, goes_on: bool) -> State:
    if not allowance.judged:
        return State.SHOWN
    if is_more:
        return State.GROWS if goes_on else State.SETTLES
    return State.BY_RIGHT if is_growing and allowance.why else State.FLAT


def rise(samples: Sequence[Sample]) -> float:
    """By how much the line rises from the first sample to the last."""
    slopes = [(right.value - left.value) / (right.at - left.at) for left, right in _pairs(samples)]
    return median(slopes) * (samples[-1].at - samples[0].at)


def rising_share(samples: Sequence[Sample]) -> float:
    """In which share of all pairs the later sample is above the earlier one."""
    pairs = _pairs(samples)
    return sum(right.value > left.value for left, right in pairs) / len(pairs)


def _pairs(samples: Sequence[Sample]) -> list[tuple[Sample, Sample]]:
    step = -(-len(samples) // MOST_SAMPLES)
    return list(combinations(samples[::step], 2))
