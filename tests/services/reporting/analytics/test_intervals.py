"""Confidence intervals against published values and against chance itself."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.analytics.intervals import differs, newcombe, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
    found = wilson(successes, trials)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_interval_is_the_published_one(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe 1998, "Interval estimation for the difference", table II, method 10."""
    found = newcombe(first, second)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_rate_lies_in_its_interval_and_the_interval_in_0_to_1(successes: int, misses: int) -> None:
    trials = successes + misses
    found = wilson(successes, trials)
    assert 0 <= found.low <= found.high <= 1
    if trials:
        assert successes / trials in found


@given(st.tuples(st.integers(0, 50), st.integers(0, 50)), st.tuples(st.integers(0, 50), st.integers(0, 50)))
def test_the_difference_turns_its_sign_with_its_order(one: tuple[int, int], two: tuple[int, int]) -> None:
    first, second = (one[0], sum(one)), (two[0], sum(two))
    there, back = newcombe(first, second), newcombe(second, first)
    assert (round(there.low, 9), round(there.high, 9)) == (round(-back.high, 9), round(-back.low, 9))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(4)
    covered = sum(0.3 in wilson(sum(rng.random() < 0.3 for _ in range(80)), 80) for _ in range(2000))
    assert 0.93 < covered / 2000 < 0.975


def test_a_clear_difference_is_told_from_chance() -> None:
    assert differs((400, 1000), (300, 1000))
    assert not differs((40, 100), (35, 100))
    assert not differs((0, 0), (5, 10))


def test_more_successes_than_trials_are_an_error() -> None:
    with pytest.raises(ValueError, match="between 0 and trials"):
        wilson(3, 2)
