"""Whether a split came out as it was meant to: Pearson's chi-square test of the arms' visitors. Pure.

A sample ratio mismatch says that visitors were lost or moved on the way to one arm, and that its rates compare different
people. Threshold as in Fabijan et al. 2019, "Diagnosing sample ratio mismatch": 0.001, so that a look every day for a
year raises one false alarm in three experiments at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, gamma, sqrt

MISMATCH_BELOW = 0.001
FEWEST_EXPECTED = 5  # per arm: below, the distribution of the statistic is not the one tabled (Cochran 1954)


def split_p_value(visitors: Sequence[int], percents: Sequence[int]) -> float | None:
    """How probable a split at least as uneven is by chance; None while an arm expects fewer than five visitors."""
    total, whole = sum(visitors), sum(percents)
    expected = [total * percent / whole for percent in percents]
    if len(visitors) < 2 or min(expected) < FEWEST_EXPECTED:
        return None
    statistic = sum((seen - due) ** 2 / due for seen, due in zip(visitors, expected, strict=True))
    return survival(statistic, len(visitors) - 1)


def survival(statistic: float, degrees: int) -> float:
    """The probability that a chi-square variable of so many degrees of freedom exceeds `statistic` (closed forms)."""
    half = statistic / 2
    if degrees % 2 == 0:
        return exp(-half) * sum((half**power / gamma(power + 1) for power in range(degrees // 2)), 0.0)
    powers = [number - 0.5 for number in range(1, (degrees + 1) // 2)]
    return erfc(sqrt(half)) + exp(-half) * sum(float(half**power) / gamma(power + 1) for power in powers)
