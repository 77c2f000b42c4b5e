"""The judge of growth, on doctored series: it must find each leak, and take no noise for one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from math import exp

import pytest

from tools.soak.growth import FEWEST_SAMPLES, Allowance, Sample, State, Work, judge

SECONDS = 15.0
SAMPLES = 80  # twenty minutes
NOISE = Allowance(floor=2.0, share=0.01)


def series(value: Callable[[float], float], samples: int = SAMPLES) -> list[Sample]:
    """A sample each 15 s of something worth `value(seconds)`, at a click and six updates a second."""
    moments = [number * SECONDS for number in range(samples)]
    return [Sample(at, Work(int(at), int(at), int(6 * at), at / 3600), value(at)) for at in moments]


def state(value: Callable[[float], float], allowed: Allowance = NOISE) -> State:
    return judge("doctored", series(value), allowed).state


def noisy(level: float, size: float, seed: int) -> Callable[[float], float]:
    chance = random.Random(seed)
    return lambda _at: level + chance.uniform(-size, size)


@pytest.mark.parametrize("seed", range(5))
def test_noise_about_a_level_is_flat(seed: int) -> None:
    assert state(noisy(150.0, 8.0, seed)) is State.FLAT


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_under_noise_grows(seed: int) -> None:
    noise = noisy(150.0, 2.0, seed)
    assert state(lambda at: noise(at) + 6.0 * at / 1200) is State.GROWS


def test_a_leak_of_a_kilobyte_for_each_update_grows() -> None:
    verdict = judge("doctored", series(lambda at: 150.0 + 6 * at / 1024), NOISE)
    assert verdict.state is State.GROWS
    assert verdict.per_update == pytest.approx(1 / 1024)
    assert verdict.per_hour == pytest.approx(6 * 3600 / 1024)


def test_the_teeth_of_a_saw_are_flat() -> None:
    assert state(lambda at: 400.0 + at % 60) is State.FLAT


def test_a_saw_whose_teeth_begin_ever_higher_grows() -> None:
    assert state(lambda at: 400.0 + at % 60 + at / 10) is State.GROWS


def test_what_fills_and_then_stays_settles() -> None:
    assert state(lambda at: 150.0 + 20.0 * (1 - exp(-at / 240))) is State.SETTLES


def test_one_step_is_not_growth_without_bound() -> None:
    assert state(lambda at: 10.0 + 5.0 * (at > 300)) is not State.GROWS


def test_a_leak_that_begins_in_the_middle_grows() -> None:
    assert state(lambda at: 150.0 + max(0.0, at - 600) / 60) is State.GROWS


def test_what_shrinks_is_flat() -> None:
    assert state(lambda at: 150.0 - at / 60) is State.FLAT


def test_growth_with_the_load_is_by_right_and_no_more_than_allowed() -> None:
    a_row = Allowance(floor=10, click=1.0, why="a row for each click")
    assert state(lambda at: at, a_row) is State.BY_RIGHT
    assert state(lambda at: 2 * at, a_row) is State.GROWS


def test_growth_by_time_has_an_allowance_of_its_own() -> None:
    hourly = Allowance(floor=1, hour=300.0, why="rows of the hour")
    assert state(lambda at: 300 * at / 3600, hourly) is State.BY_RIGHT
    assert state(lambda at: 600 * at / 3600, hourly) is State.GROWS


def test_keys_that_appear_late_and_go_on_are_found() -> None:
    assert state(lambda at: max(0.0, at - 120) // 4, Allowance(floor=10, share=0.1)) is State.GROWS


def test_what_is_not_judged_is_shown() -> None:
    assert state(lambda at: at, replace(NOISE, judged=False)) is State.SHOWN


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="too few"):
        judge("doctored", series(lambda at: at, 2 * FEWEST_SAMPLES - 1), NOISE)
    gap = [
        *series(lambda at: at, 30),
        *(replace(each, at=each.at + 9_000) for each in series(lambda at: at, 3)),
    ]
    with pytest.raises(ValueError, match="second half"):
        judge("doctored", gap, NOISE)


def test_many_samples_are_thinned_and_judged_alike() -> None:
    many = [replace(each, at=each.at / 10) for each in series(lambda at: 100 + at / 100, 1_000)]
    assert judge("doctored", many, NOISE).state is State.GROWS
