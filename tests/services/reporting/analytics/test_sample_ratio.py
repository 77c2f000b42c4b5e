"""Whether a split came out as meant: against values of the chi-square tables."""

from __future__ import annotations

import pytest

from services.reporting.analytics.experiment import ArmFigures, verdict, visitors_needed
from services.reporting.analytics.intervals import newcombe
from services.reporting.analytics.sample_ratio import MISMATCH_BELOW, split_p_value, survival


@pytest.mark.parametrize(
    ("statistic", "degrees", "probability"),
    [
        (3.841, 1, 0.05),
        (10.828, 1, 0.001),
        (5.991, 2, 0.05),
        (13.816, 2, 0.001),
        (7.815, 3, 0.05),
        (9.488, 4, 0.05),
        (20.515, 5, 0.001),
        (0.0, 3, 1.0),
    ],
)
def test_the_tail_is_the_one_of_the_tables(statistic: float, degrees: int, probability: float) -> None:
    assert survival(statistic, degrees) == pytest.approx(probability, rel=2e-3)


def test_an_uneven_split_is_noticed_and_a_usual_one_is_not() -> None:
    even, uneven = split_p_value([5040, 4960], [50, 50]), split_p_value([5200, 4800], [50, 50])
    assert even is not None
    assert uneven is not None
    assert even > 0.1
    assert uneven < MISMATCH_BELOW


@pytest.mark.parametrize("visitors", [[], [0, 0], [4, 4], [900, 0]])
def test_of_too_few_visitors_nothing_is_said(visitors: list[int]) -> None:
    percents = [99, 1] if visitors == [900, 0] else [50] * len(visitors)
    known = split_p_value(visitors, percents)
    assert known is None if visitors != [900, 0] else known is not None


def test_the_visitors_needed_follow_from_the_rate() -> None:
    def needed(visitors: int, starts: int) -> int | None:
        return visitors_needed([ArmFigures(1, 50, visitors, visitors, starts), ArmFigures(2, 50)])

    assert needed(1000, 0) is None
    assert needed(1000, 500) == 400  # 16 x 0.25 / 0.1²
    assert needed(1000, 950) == 100


@pytest.mark.parametrize(
    ("ours", "control", "said"),
    [
        ((418, 1187), (380, 1210), "more"),  # by a hair: rounded, the lower limit is 0.0 points
        ((142, 602), (380, 1210), "fewer"),
        ((51, 100), (50, 100), "undecided"),
        ((0, 0), (50, 100), "undecided"),
    ],
)
def test_a_difference_is_claimed_only_when_its_interval_leaves_zero_out(
    ours: tuple[int, int], control: tuple[int, int], said: str
) -> None:
    assert verdict(newcombe(ours, control)) == said
