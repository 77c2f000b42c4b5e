"""Where a visitor of an experiment or of a link with rules goes: pure functions."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.fleet.pools.assignment import Arm, arm_of
from services.fleet.pools.rules import Conditions, Rule, RuleFacts, Schedule, matching, read_conditions
from services.fleet.pools.start_payload import new_token
from services.reporting.analytics.sample_ratio import split_p_value

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)  # a Friday; in São Paulo still Thursday, 22:30
ARMS = st.lists(st.integers(1, 50), min_size=2, max_size=4).filter(lambda parts: sum(parts) <= 100)


@given(st.integers(1, 10**6), ARMS, st.text(max_size=32))
def test_a_visitor_always_goes_to_the_same_arm(experiment: int, parts: list[int], visitor: str) -> None:
    arms = [Arm(number, part) for number, part in enumerate(parts, 1)]
    found = arm_of(experiment, arms, visitor)
    assert found == arm_of(experiment, arms[::-1], visitor)
    assert found in range(1, len(parts) + 1)


def test_twenty_thousand_visitors_are_split_as_the_percentages_say() -> None:
    arms = [Arm(1, 50), Arm(2, 30), Arm(3, 15), Arm(4, 5)]
    found = Counter(arm_of(7, arms, new_token()) for _ in range(20_000))
    assert (p_value := split_p_value([found[arm.pool_id] for arm in arms], [50, 30, 15, 5])) is not None
    assert p_value > 1e-6  # once in a million runs an honest split would fail here
    for arm in arms:
        assert abs(found[arm.pool_id] / 200 - arm.percent) < 2


@given(ARMS.filter(lambda parts: len(parts) > 2), st.integers(0, 3), st.text(max_size=20))
def test_without_an_arm_only_its_own_visitors_move(parts: list[int], gone: int, visitor: str) -> None:
    arms = [Arm(number, part) for number, part in enumerate(parts)]
    before = arm_of(3, arms, visitor)
    if before != gone:
        assert arm_of(3, [arm for arm in arms if arm.pool_id != gone], visitor) == before


def test_experiments_throw_independent_dice() -> None:
    arms = [Arm(1, 50), Arm(2, 50)]
    both = sum(arm_of(1, arms, f"v{n}") == arm_of(2, arms, f"v{n}") for n in range(4000))
    assert abs(both / 40 - 50) < 4


def facts(**known: Any) -> RuleFacts:
    return RuleFacts(**{"now": NOW, **known})


@pytest.mark.parametrize(
    ("conditions", "known", "verdict"),
    [
        ({"countries": ["BR"]}, {"country": "BR"}, True),
        ({"countries": ["BR"]}, {"country": "PT"}, False),
        ({"countries": ["BR"]}, {}, None),
        ({"not_countries": ["BR"]}, {"country": "PT"}, True),
        ({"not_countries": ["BR"]}, {}, None),
        ({"languages": ["pt"]}, {"language": "pt-BR"}, True),
        ({"languages": ["pt-PT"]}, {"language": "pt-BR"}, False),
        ({"languages": ["pt"]}, {}, None),
        ({"devices": ["phone"]}, {"device": "phone"}, True),
        ({"devices": ["phone"]}, {"device": "other"}, None),
        ({"query": {"utm_source": "fb"}}, {"query": {"utm_source": "FB", "x": "y"}}, True),
        ({"query": {"utm_source": "fb"}}, {"query": {}}, False),
        ({"query": {"utm_source": "fb"}}, {}, None),
        ({"countries": ["BR"], "devices": ["phone"]}, {"device": "desktop"}, False),
        ({"countries": ["BR"], "devices": ["phone"]}, {"device": "phone"}, None),
        ({}, {"country": "BR"}, False),
    ],
)
def test_conditions_are_met_not_met_or_undecided(
    conditions: dict[str, Any], known: dict[str, Any], verdict: bool | None
) -> None:
    assert read_conditions(conditions).verdict(facts(**known)) is verdict


@pytest.mark.parametrize(
    ("schedule", "holds"),
    [
        ({}, True),
        ({"days": [5]}, True),
        ({"days": [5], "tz": "America/Sao_Paulo"}, False),
        ({"days": [4], "begin": "22:00", "end": "23:00", "tz": "America/Sao_Paulo"}, True),
        ({"days": [4], "begin": "22:31", "end": "23:00", "tz": "America/Sao_Paulo"}, False),
        ({"days": [4], "begin": "22:00", "end": "06:00"}, True),  # began on Thursday, goes on into Friday
        ({"days": [5], "begin": "22:00", "end": "06:00"}, False),
        ({"begin": "01:30", "end": "01:31"}, True),
        ({"begin": "01:00", "end": "01:30"}, False),
    ],
)
def test_a_schedule_is_read_on_its_own_clock(schedule: dict[str, Any], holds: bool) -> None:
    assert Schedule.model_validate(schedule).holds(NOW) is holds


def test_sunday_night_goes_on_into_monday() -> None:
    monday = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert Schedule(days=frozenset({7}), begin=time(23), end=time(1)).holds(monday)


@given(st.lists(st.sampled_from(["BR", "PT", "US"]), max_size=6), st.sampled_from(["BR", "PT", "US", ""]))
def test_the_first_rule_that_is_met_wins(countries: list[str], country: str) -> None:
    rules = [Rule(Conditions(countries=frozenset({one})), number) for number, one in enumerate(countries)]
    wanted = countries.index(country) if country in countries else None
    found = matching(rules, facts(country=country))
    assert (found.pool_id if found else None) == wanted


@pytest.mark.parametrize(
    "stored",
    [
        {"countries": []},
        {"countries": ["Brazil"]},
        {"devices": ["other"]},
        {"schedule": {"tz": "Mars"}},
        {"schedule": {"days": [0]}},
        {"schedule": {"days": []}},
        {"schedule": {"begin": "22:00:00Z"}},
        {"colour": "red"},
    ],
)
def test_conditions_that_are_none_are_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read_conditions(stored)
