"""The statistics of the conversion signal: limits from usual traffic, evidence from clicks, and weeks of simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.fleet.health.conversion import (
    ALARMS_PER_WEEK,
    LAG_STEPS,
    ODDS,
    Evidence,
    Hour,
    Judgement,
    Rule,
    Usual,
    fold,
    judge,
    lag_of,
    lower_bound,
    on_trial,
    probe_share_of,
    rule_of,
    run_limit,
    usual_of,
)
from tools.benchmarks.conversion_simulation import fail, healthy, make_pool, steady, swinging, two_dead_of_six

WEEK = 168 * 2250
RATES = [0.1, 0.3, 0.5, 0.7]


def rule_at(rate: float, clicks: int = WEEK, busiest: int = 2250) -> Rule:
    rule = rule_of(Usual(clicks, round(clicks * rate), busiest))
    assert rule is not None
    return rule


@pytest.mark.parametrize(("rate", "limit"), [(0.1, 191), (0.3, 65), (0.5, 37), (0.7, 25)])
def test_the_run_that_makes_suspect_at_2250_clicks_an_hour(rate: float, limit: int) -> None:
    assert rule_at(rate).run_limit == limit


@given(some.floats(0.02, 0.8), some.integers(200, 10**7))
def test_the_run_limit_is_the_shortest_within_the_budget(rate: float, clicks: int) -> None:
    limit = run_limit(rate, clicks)
    assert clicks * rate * (1 - rate) ** limit <= ALARMS_PER_WEEK * 1.0001
    assert clicks * rate * (1 - rate) ** (limit - 1) > ALARMS_PER_WEEK * 0.9999


def test_nothing_is_said_under_200_clicks_or_of_a_bot_that_hardly_ever_converts() -> None:
    assert rule_of(Usual(199, 100)) is None
    assert rule_of(Usual(200, 100)) is not None
    assert rule_of(Usual(WEEK, round(WEEK * 0.066))) is None
    assert rule_of(Usual(WEEK, round(WEEK * 0.067))) is not None


@pytest.mark.parametrize(("rate", "baseline"), [(0.07, 0.1), (0.1, 0.1), (0.5, 0.5), (0.8, 0.8), (0.97, 0.8)])
def test_the_baseline_is_clamped(rate: float, baseline: float) -> None:
    assert rule_at(rate).baseline == pytest.approx(baseline, abs=1e-4)


def test_little_knowledge_makes_patient() -> None:
    assert rule_at(0.5, 200, 50).run_limit > rule_at(0.5, 20_000, 50).run_limit
    assert lower_bound(100, 200) < lower_bound(10_000, 20_000) < 0.5


def test_a_start_ends_the_run_and_lowers_the_score() -> None:
    rule = rule_at(0.5)
    bad = fold(Evidence(), rule, [False] * 10)
    assert bad.run == 10
    assert bad.score == pytest.approx(10 * rule.on_miss)
    better = fold(bad, rule, [True])
    assert better.run == 0
    assert better.score == pytest.approx(bad.score + rule.on_start)
    assert fold(Evidence(), rule, [True] * 50) == Evidence(), "good times are not saved up"


def test_the_limits_judge() -> None:
    rule = rule_at(0.5)
    assert judge(Evidence(rule.run_limit - 1, 0), rule) is Judgement.NONE
    assert judge(Evidence(rule.run_limit, 0), rule) is Judgement.SUSPECT
    assert judge(Evidence(0, rule.score_limit), rule) is Judgement.DEGRADED
    assert fold(Evidence(), rule, [False] * 5000).score == rule.score_limit, "so that recovery can be seen"


@given(some.lists(some.booleans(), max_size=60), some.integers(0, 60))
def test_looks_may_cut_the_clicks_anywhere(outcomes: list[bool], cut: int) -> None:
    rule = rule_at(0.3)
    whole = fold(Evidence(), rule, outcomes)
    parts = fold(fold(Evidence(), rule, outcomes[:cut]), rule, outcomes[cut:])
    assert parts.run == whole.run
    assert parts.score == pytest.approx(whole.score)


def test_a_trial_ends_at_twenty_to_one_either_way() -> None:
    rule = rule_at(0.5)
    assert on_trial(0.0, rule, [True] * math.ceil(ODDS / -rule.on_start))[1] is Judgement.NONE
    assert on_trial(0.0, rule, [False] * math.ceil(ODDS / rule.on_miss))[1] is Judgement.DEGRADED
    assert on_trial(0.0, rule, [True, False])[1] is None


@pytest.mark.parametrize(
    ("clicks_per_hour", "part"), [(0, 1), (60, 1), (600, 0.1), (2250, 60 / 2250), (3000, 0.02), (9000, 0.02)]
)
def test_a_suspect_keeps_two_percent_and_a_click_a_minute(clicks_per_hour: float, part: float) -> None:
    assert probe_share_of(clicks_per_hour) == pytest.approx(part)


def test_the_lag_is_the_95th_percentile_clamped() -> None:
    def lags(**steps: int) -> list[int]:
        counts = [0] * LAG_STEPS
        for step, count in steps.items():
            counts[int(step[1:])] = count
        return counts

    assert lag_of([]) == lag_of(lags()) == 600
    assert lag_of(lags(s0=100)) == 60
    assert lag_of(lags(s0=95, s4=5)) == 60
    assert lag_of(lags(s0=94, s4=6)) == 150
    assert lag_of(lags(s0=10, s20=90)) == 600


def test_seven_days_add_up() -> None:
    lags = [3, *[0] * (LAG_STEPS - 1)]
    assert usual_of([Hour(10, 3, lags), Hour(30, 3, lags), Hour(5, 0, [])]) == Usual(45, 6, 30, 60)
    assert usual_of([]) == Usual()


@pytest.mark.parametrize("rate", RATES)
def test_healthy_traffic_is_hardly_ever_suspected(rate: float) -> None:
    """Shortened; `python -m tools.benchmarks.conversion_simulation` makes four weeks of six bots."""
    for traffic in (steady, swinging):
        assert healthy(rate, bots=1, weeks=1, traffic=traffic).per_bot_and_week < 1


@pytest.mark.parametrize("rate", RATES)
def test_two_dead_of_six_leave_within_the_stated_clicks_and_return(rate: float) -> None:
    incident = two_dead_of_six(rate)
    assert all(0 < clicks <= incident.stated for clicks in incident.clicks)
    assert incident.wrongly == 0
    assert all(clicks > 0 for clicks in incident.return_clicks)


@pytest.mark.parametrize("rate", RATES)
def test_when_all_fall_nobody_leaves(rate: float) -> None:
    incident = fail(make_pool(rate), range(6), quality=0.0, seconds=1200)
    assert incident.alarm
    assert set(incident.clicks) == {-1}


def test_false_alarms_stay_within_the_budget_even_at_the_rate_the_limits_allow_for() -> None:
    """At the lowest rate that the allowances cover, the budget of 0.05 a week must still hold: 40 weeks of starts."""
    rule, chance = rule_at(0.5), random.Random(7)
    p = lower_bound(WEEK // 2, WEEK) * 0.95 * 0.7
    weeks = 40
    runs = sum(
        math.floor(math.log(1 - chance.random()) / math.log1p(-p)) >= rule.run_limit
        for _ in range(round(weeks * WEEK * p))
    )
    assert runs / weeks < 0.15
