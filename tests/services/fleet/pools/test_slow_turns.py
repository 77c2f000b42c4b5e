"""Slow starts and trickles under a shared position are even at any time, not only in the mean, whatever the shares are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as given_by

from models import MemberStatus, Strategy
from services.fleet.health.conversion import probe_share_of
from services.fleet.pools.choose import prepare
from services.fleet.pools.model import MemberSnapshot, PoolSnapshot
from services.fleet.pools.strategies import Candidate, rotation_of, turn

NOW = 1_800_000_000.0
MOST_AHEAD = 4.0  # clicks that any run of a member's turns may be off what is due; measured: 3.5
shares = given_by.lists(given_by.integers(1, 20), min_size=2, max_size=14)


def member(bot_id: int, weight: int = 1, **fields: object) -> MemberSnapshot:
    return MemberSnapshot(bot_id, "some_bot", MemberStatus.ONLINE, weight, **fields)  # type: ignore[arg-type]


def furthest_off(got: Sequence[bool], due: Sequence[float]) -> float:
    """The most clicks by which any run of turns differs from what was due in it."""
    off = list(accumulate((float(hit) - part for hit, part in zip(got, due, strict=True)), initial=0.0))
    return max(off) - min(off)


@settings(max_examples=60, deadline=None)
@given(shares, given_by.floats(0.02, 0.98), given_by.integers(0, 10**9))
@example([1] * 13, 0.1, 0)
@example([1] * 21, 0.1, 0)
@example([1] * 34, 0.1, 0)
@example([8, 3, 2], 0.1, 0)
def test_a_slow_member_is_even_in_any_run_of_its_own_turns(
    weights: list[int], factor: float, start: int
) -> None:
    factor = round(factor, 3)
    slow = len(weights)
    full = [Candidate(number, "some_bot", share) for number, share in enumerate(weights, 1)]
    positions = range(start, start + 3000)
    entitled = [turn(rotation_of(full), position) for position in positions]
    rotation = rotation_of([*full[:-1], Candidate(slow, "some_bot", weights[-1], factor)])
    got = [turn(rotation, position) for position in positions]
    own = [one == slow for due, one in zip(entitled, got, strict=True) if due == slow]
    assert furthest_off(own, [factor] * len(own)) <= MOST_AHEAD
    given_away = [one for due, one in zip(entitled, got, strict=True) if due == slow != one]
    for number, share in enumerate(weights[:-1], 1):
        part = share / sum(weights[:-1])
        assert furthest_off([one == number for one in given_away], [part] * len(given_away)) <= 2 * MOST_AHEAD
    assert all(one == due for due, one in zip(entitled, got, strict=True) if due != slow)


@pytest.mark.parametrize(
    "weights", [(8, 3, 2), (1,) * 13, (1,) * 21, (1,) * 34, (5, 5, 3), (100, 7)], ids=str
)
@pytest.mark.parametrize("per_second", [5, 20, 100])
def test_a_slow_start_follows_its_curve_in_every_ten_seconds(
    weights: tuple[int, ...], per_second: int
) -> None:
    """The rotation changes each second, and the position goes on."""
    starting = len(weights)
    members = [
        member(number, weight, slow_start=number == starting, joined_at=NOW)
        for number, weight in enumerate(weights, 1)
    ]
    pool = PoolSnapshot(1, 1, ("red1",), tuple(members), strategy=Strategy.WEIGHTED)
    share = weights[-1] / sum(weights)
    position = 987_654
    for begin in range(0, 60, 10):
        got, due = 0, 0.0
        for second in range(begin, begin + 10):
            prepared = prepare(pool, NOW + second)
            due += per_second * share * prepared.candidates[-1].factor
            for _ in range(per_second):
                got += turn(prepared.rotation, position) == starting
                position += 1
        assert abs(got - due) <= MOST_AHEAD, (begin, got, due)


@pytest.mark.parametrize("size", [2, 3, 6, 8, 12, 13, 21])
@pytest.mark.parametrize("per_minute", [60, 120, 600])
def test_a_suspect_keeps_a_click_a_minute_in_every_few_minutes(size: int, per_minute: int) -> None:
    own = per_minute / size
    suspect = MemberSnapshot(size, "some_bot", MemberStatus.SUSPECT, trickle=probe_share_of(60 * own))
    pool = PoolSnapshot(1, 1, ("red1",), (*(member(number) for number in range(1, size)), suspect))
    rotation = prepare(pool, NOW).rotation
    got = [turn(rotation, position) == size for position in range(600 * per_minute)]
    minutes = [sum(got[begin : begin + per_minute]) for begin in range(0, len(got), per_minute)]
    assert sum(minutes) >= 600 * 0.98
    for begin in range(len(minutes) - 4):
        assert 2 <= sum(minutes[begin : begin + 5]) <= 5 * max(1, own * 0.02) + MOST_AHEAD
    assert all(sum(minutes[begin : begin + 2]) > 0 for begin in range(len(minutes) - 1))


def test_two_slow_members_of_one_share_do_not_give_their_turns_to_the_same_member() -> None:
    full = [Candidate(number, "some_bot") for number in (1, 2, 3, 4)]
    rotation = rotation_of([*full, *(Candidate(number, "some_bot", 1, 0.1) for number in (5, 6))])
    for begin in range(
        0, 6000, 60
    ):  # in ten rounds each of the four has ten of its own, and 18 are given away
        counts = Counter(turn(rotation, position) for position in range(begin, begin + 60))
        assert all(abs(counts[number] - 14.5) <= MOST_AHEAD for number in (1, 2, 3, 4)), counts
