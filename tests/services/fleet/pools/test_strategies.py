"""The strategies and who is eligible: properties over generated pools, statistics where chance decides."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter, deque
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as given_by

from models import MemberStatus, Strategy
from services.fleet.pools.choose import choose, eligible, prepare
from services.fleet.pools.model import MemberSnapshot, PoolSnapshot, from_json, to_json
from services.fleet.pools.strategies import (
    Balance,
    Candidate,
    allowance_after,
    at_random,
    least_loaded,
    rendezvous,
    rotation_of,
    smooth_cycle,
    turn,
)
from services.fleet.pools.tiers import is_open

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
        bot_id = choose(prepared, visitor="v", balance=Balance({}, {}), chance=chance).bot_id
    chosen = next(m for m in one.members if m.bot_id == bot_id)
    assert chosen.is_enabled
    assert chosen.running
    assert not chosen.draining
    assert chosen.weight > 0
    top = max(m.priority for m in (online or last))
    assert chosen.priority == top or (chosen.status is MemberStatus.SUSPECT and chosen.priority > top)
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


def test_a_pool_that_starts_slowly_for_hours_fills_no_memory() -> None:
    """Its rotation is another one each second."""

    def second(number: int) -> None:
        members = [Candidate(bot, f"bot{bot}", 1, 0.2 + (number + bot) % 700 / 1000) for bot in range(75)]
        turn(rotation_of([*members, Candidate(75 + number, "full")]), number)

    for number in range(300):  # more than are remembered
        second(number)
    tracemalloc.start()
    for number in range(300, 1200):
        second(number)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 7_000_000  # all 900 of them would be 13 MB


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


@dataclass
class Fleet:
    """A pool of least_connections under clicks: its log is the load, its allowances are what processes keep."""

    clicks_per_second: float = 1.0
    processes: int = 1
    now: float = NOW
    log: deque[tuple[float, int]] = field(default_factory=deque)
    loads: Counter[int] = field(default_factory=Counter)
    got: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.allowances: list[dict[int, float]] = [{} for _ in range(self.processes)]

    def click(self, candidates: list[Candidate], process: int = 0) -> int:
        """One choice, counted as load for five minutes."""
        self.now += 1 / self.clicks_per_second
        while self.log and self.log[0][0] <= self.now - 300:
            self.loads[self.log.popleft()[1]] -= 1
        balance = Balance(self.loads, self.allowances[process])
        bot_id = least_loaded(candidates, balance).bot_id
        self.allowances[process] = allowance_after(candidates, self.allowances[process], bot_id)
        self.log.append((self.now, bot_id))
        self.loads[bot_id] += 1
        self.got.append(bot_id)
        return bot_id


def most_in_a_row_of(got: list[int], bot_id: int, length: int = 100) -> int:
    """The most clicks that a bot got in any `length` clicks."""
    hits = [one == bot_id for one in got]
    return max(sum(hits[begin : begin + length]) for begin in range(max(1, len(hits) - length)))


def test_least_connections_fills_the_emptiest_per_share() -> None:
    fleet = Fleet()
    counts = Counter(fleet.click(members_of(2, 1, 1)) for _ in range(400))
    assert counts == {1: 200, 2: 100, 3: 100}
    assert least_loaded(members_of(1, 1), Balance({1: 5, 2: 4}, {})).bot_id == 2
    assert least_loaded(members_of(2, 1), Balance({1: 7, 2: 4}, {})).bot_id == 1


@pytest.mark.parametrize("back", [1, 2, 4])
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("burst", [False, True])
def test_who_returns_never_gets_more_than_one_and_a_half_shares_of_any_hundred_clicks(
    back: int, processes: int, burst: bool
) -> None:
    """Whatever its place, at even traffic and after a burst that the others alone have seen."""
    rest = [one for one in members_of(1, 1, 1, 1) if one.bot_id != back]
    fleet = Fleet(clicks_per_second=20 if burst else 2, processes=processes)
    chances = random.Random(back)
    for _ in range(1000):
        fleet.click(rest, chances.randrange(processes))
    fleet.got.clear()
    fleet.clicks_per_second, began = 2, fleet.now
    while fleet.now < began + 900:
        age = fleet.now - began
        own = Candidate(back, "back", 1, min(1.0, 0.1 + 0.9 * age / 60))
        fleet.click(sorted([*rest, own], key=lambda one: one.bot_id), chances.randrange(processes))
    assert most_in_a_row_of(fleet.got, back) <= 37
    first_half_minute = Counter(fleet.got[:60])
    assert 2 <= first_half_minute[back] <= 8, "from a tenth to a half of its share of 15"
    assert 90 <= Counter(fleet.got[-400:])[back] <= 125


def test_who_is_far_behind_without_a_slow_start_does_not_get_everything_either() -> None:
    fleet = Fleet(clicks_per_second=5)
    for _ in range(1500):
        fleet.click(members_of(3, 1, 1, 1))
    fleet.got.clear()
    for _ in range(1500):
        fleet.click(members_of(3, 2, 1, 1))
    assert most_in_a_row_of(fleet.got, 2) <= 1.5 * 100 * 2 / 7
    assert Counter(fleet.got)[2] > 1500 * 2 / 7


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
