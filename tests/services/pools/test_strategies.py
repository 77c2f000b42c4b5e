"""The strategies and who is eligible: properties over generated pools, statistics where chance decides."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as given_by

from models import MemberStatus, Strategy
from services.pools.choose import choose, eligible, is_open, prepare
from services.pools.model import MemberSnapshot, PoolSnapshot, from_json, to_json
from services.pools.strategies import (
    Candidate,
    at_random,
    least_loaded,
    rendezvous,
    rotation_of,
    smooth_cycle,
    turn,
)

NOW = 1_800_000_000.0


def members_of(*shares: int) -> list[Candidate]:
    """Candidates 1, 2, 3 … with these shares, that joined long ago."""
    return [Candidate(number, f"bot{number}", share) for number, share in enumerate(shares, 1)]


member = given_by.builds(
    MemberSnapshot,
    bot_id=given_by.integers(1, 10**6),
    username=given_by.just("some_bot"),
    status=given_by.sampled_from(MemberStatus),
    weight=given_by.integers(0, 100),
    priority=given_by.integers(-1, 1),
    is_enabled=given_by.booleans(),
    draining=given_by.booleans(),
    running=given_by.booleans(),
    joined_at=given_by.floats(NOW - 400, NOW),
    slow_start=given_by.booleans(),
)
pool = given_by.builds(
    PoolSnapshot,
    id=given_by.just(1),
    account_id=given_by.just(1),
    slugs=given_by.just(("red1",)),
    members=given_by.lists(member, max_size=8, unique_by=lambda one: one.bot_id).map(tuple),
    strategy=given_by.sampled_from(Strategy),
    sticky=given_by.booleans(),
)


@given(pool)
def test_a_snapshot_survives_json(one: PoolSnapshot) -> None:
    assert from_json(to_json(one)) == one


@settings(max_examples=300)
@given(pool, given_by.integers(0, 10**9), given_by.floats(0, 1, exclude_max=True))
def test_nobody_but_an_eligible_member_of_the_best_tier_is_ever_chosen(
    one: PoolSnapshot, position: int, chance: float
) -> None:
    prepared = prepare(one, NOW)
    serving = [m for m in one.members if is_open(m)]
    online = [m for m in serving if m.status is MemberStatus.ONLINE]
    last = [m for m in serving if m.status in (MemberStatus.DEGRADED, MemberStatus.SUSPECT)]
    assert bool(prepared.candidates) == bool(online or last)
    if not prepared.candidates:
        return
    if prepared.rotation:
        bot_id = turn(prepared.rotation, position)
    else:
        bot_id = choose(prepared, NOW, visitor="v", loads={}, chance=chance).bot_id
    chosen = next(m for m in one.members if m.bot_id == bot_id)
    assert chosen.is_enabled
    assert chosen.running
    assert not chosen.draining
    assert chosen.weight > 0
    assert chosen.priority == max(m.priority for m in (online or last))
    if online:
        assert chosen.status in (MemberStatus.ONLINE, MemberStatus.SUSPECT)
    else:
        assert chosen in last


@given(given_by.integers(1, 12), given_by.integers(0, 10**12), given_by.integers(0, 200))
def test_round_robin_differs_by_at_most_one_over_any_run_of_clicks(
    size: int, start: int, length: int
) -> None:
    rotation = rotation_of(members_of(*[1] * size))
    counts = Counter(turn(rotation, start + offset) for offset in range(length))
    values = [counts[number] for number in range(1, size + 1)]
    assert max(values) - min(values) <= 1


@given(given_by.lists(given_by.integers(1, 100), min_size=1, max_size=6), given_by.integers(0, 10**9))
def test_weights_are_exact_in_every_whole_cycle_wherever_it_begins(weights: list[int], start: int) -> None:
    rotation = rotation_of(members_of(*weights))
    total = sum(weights)
    counts = Counter(turn(rotation, start + offset) for offset in range(total))
    assert [counts[number] for number in range(1, len(weights) + 1)] == weights


@pytest.mark.parametrize("username", ["", "four", "x" * 33, "evil.example", "a/b?c=de", "joinchat\n"])
def test_a_name_that_telegram_would_not_give_never_becomes_a_link(username: str) -> None:
    one = MemberSnapshot(1, username, MemberStatus.ONLINE)
    assert eligible(PoolSnapshot(1, 1, ("red1",), (one,)), NOW) == ("", ())


def test_weighted_turns_are_spread_and_not_bunched() -> None:
    assert smooth_cycle(((1, 5), (2, 1), (3, 1))) == (1, 1, 2, 1, 3, 1, 1)


def test_a_slow_member_gets_its_part_and_the_others_share_the_rest_evenly() -> None:
    for factor in (0.02, 0.1, 0.37, 0.8):
        slow = [*members_of(1, 1, 1), Candidate(4, "bot4", 1, factor)]
        counts = Counter(turn(rotation_of(slow), position) for position in range(40_000))
        assert abs(counts[4] - 10_000 * factor) < 50
        assert max(counts[n] for n in (1, 2, 3)) - min(counts[n] for n in (1, 2, 3)) < 100


def test_slow_start_grows_from_a_tenth_to_the_full_share_within_a_minute() -> None:
    def factor(age: float) -> float:
        one = MemberSnapshot(1, "some_bot", MemberStatus.ONLINE, joined_at=NOW - age, slow_start=True)
        return eligible(PoolSnapshot(1, 1, ("red1",), (one,)), NOW)[1][0].factor

    assert factor(0) == 0.1
    assert 0.54 < factor(30) < 0.56
    assert factor(60) == factor(600) == 1.0


def test_random_is_uniform_within_what_chance_allows() -> None:
    chances = random.Random(7)
    counts = Counter(at_random(members_of(1, 1, 1, 1), chances.random()).bot_id for _ in range(40_000))
    # Four standard deviations of a binomial distribution (n = 40,000, p = 1/4) are 346.
    assert all(abs(counts[number] - 10_000) < 346 for number in range(1, 5))


def least_connections(candidates: list[Candidate], clicks: int, loads: dict[int, float]) -> Counter[int]:
    """Choose so many times, counting each choice as load."""
    chances = random.Random(11)
    counts: Counter[int] = Counter()
    for _ in range(clicks):
        chosen = least_loaded(candidates, loads, NOW, chances.random()).bot_id
        loads[chosen] = loads.get(chosen, 0) + 1
        counts[chosen] += 1
    return counts


def test_least_connections_fills_the_emptiest_per_share() -> None:
    counts = least_connections(members_of(2, 1, 1), 400, {})
    assert counts == {1: 200, 2: 100, 3: 100}
    assert least_loaded(members_of(1, 1), {1: 5, 2: 4}, NOW, 0).bot_id == 2
    assert least_loaded(members_of(2, 1), {1: 7, 2: 4}, NOW, 0).bot_id == 1


def test_a_bot_added_to_an_old_pool_never_gets_more_than_one_and_a_half_shares() -> None:
    clicks_per_second = 5
    old = members_of(1, 1, 1, 1, 1)
    log: list[tuple[float, int]] = []
    chances = random.Random(3)
    received: list[float] = []  # arrival times of the newcomer's clicks
    began = NOW + 400
    for step in range(1000 * clicks_per_second):
        now = NOW + step / clicks_per_second
        candidates = list(old)
        if now >= began:
            age = now - began
            candidates.append(Candidate(6, "new", 1, min(1.0, 0.1 + 0.9 * age / 60), began))
        loads = Counter(bot_id for at, bot_id in log if at > now - 300)
        chosen = least_loaded(candidates, dict(loads), now, chances.random()).bot_id
        log = [entry for entry in log if entry[0] > now - 300]
        log.append((now, chosen))
        if chosen == 6:
            received.append(now)
    share = clicks_per_second / 6
    for minute in range(10):
        begin = began + 60 * minute
        got = sum(begin <= at < begin + 60 for at in received)
        assert got <= 1.5 * share * 60
    assert len(received) > 0.6 * share * 600


@given(
    given_by.lists(given_by.integers(1, 10**6), min_size=2, max_size=10, unique=True), given_by.integers(0, 9)
)
def test_only_the_visitors_of_a_lost_bot_move_and_they_return_with_it(bots: list[int], lost: int) -> None:
    candidates = [Candidate(bot_id, "x") for bot_id in bots]
    gone = bots[lost % len(bots)]
    rest = [one for one in candidates if one.bot_id != gone]
    for number in range(60):
        visitor = f"visitor{number}"
        home = rendezvous(candidates, visitor).bot_id
        without = rendezvous(rest, visitor).bot_id
        assert without == home or home == gone
        assert without != gone


def test_sticky_visitors_are_spread_by_weight() -> None:
    counts = Counter(rendezvous(members_of(3, 1), f"visitor{number}").bot_id for number in range(20_000))
    assert abs(counts[1] - 15_000) < 250  # four standard deviations


def test_during_a_slow_start_visitors_return_little_by_little_and_only_to_the_new_one() -> None:
    full = members_of(1, 1, 1)
    visitors = [f"visitor{number}" for number in range(3000)]
    former = {visitor: rendezvous(full[:2], visitor).bot_id for visitor in visitors}
    moved_before: set[str] = set()
    for factor in (0.1, 0.5, 1.0):
        now = [*full[:2], replace(full[2], factor=factor)]
        moved = {visitor for visitor in visitors if rendezvous(now, visitor).bot_id != former[visitor]}
        assert all(rendezvous(now, visitor).bot_id == 3 for visitor in moved)
        assert moved >= moved_before
        assert abs(len(moved) - 3000 * factor / (2 + factor)) < 120
        moved_before = moved
