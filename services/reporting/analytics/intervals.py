"""How sure a rate is: Wilson's interval for one, Newcombe's for the difference of two. Pure.

Sources: Wilson 1927; Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.
Both hold for few and for no successes, where the usual plus-minus does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both inclusive."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a rate; of no trials it is everything from 0 to 1. ValueError for impossible counts."""
    _check(successes, trials)
    if not trials:
        return Interval(0.0, 1.0)
    z = _z(confidence)
    rate = successes / trials
    middle = rate + z * z / (2 * trials)
    spread = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # At the edges rounding would leave a trace below 0 or above 1, and the rate itself outside.
    return Interval(
        0.0 if successes == 0 else (middle - spread) / scale,
        1.0 if successes == trials else (middle + spread) / scale,
    )


def newcombe(first: tuple[int, int], second: tuple[int, int], confidence: float = CONFIDENCE) -> Interval:
    """The interval of rate(first) - rate(second), each given as (successes, trials); without trials -1 to 1."""
    if not first[1] or not second[1]:
        return Interval(-1.0, 1.0)
    one, other = wilson(*first, confidence), wilson(*second, confidence)
    p, q = first[0] / first[1], second[0] / second[1]
    below = sqrt((p - one.low) ** 2 + (other.high - q) ** 2)
    above = sqrt((one.high - p) ** 2 + (q - other.low) ** 2)
    return Interval(p - q - below, p - q + above)


def differs(first: tuple[int, int], second: tuple[int, int], confidence: float = CONFIDENCE) -> bool:
    """Whether the two rates differ at this confidence: 0 lies outside of the interval of their difference."""
    return 0.0 not in newcombe(first, second, confidence)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _check(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials:
        raise ValueError("successes must lie between 0 and trials")
