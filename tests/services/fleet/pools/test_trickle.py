"""A suspect keeps a trickle of its traffic: 2 %, and a click a minute, whatever chooses and wherever it stands."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from models import MemberStatus, Strategy
from services.fleet.pools.choose import choose, prepare
from services.fleet.pools.model import MemberSnapshot, PoolSnapshot
from services.fleet.pools.strategies import Balance, allowance_after, turn
from services.fleet.pools.tiers import ineligibility

NOW = 1_800_000_000.0
CLICKS = 20_000
SUSPECT = 9
ways = pytest.mark.parametrize(
    ("strategy", "sticky"),
    [*((strategy, False) for strategy in Strategy), (Strategy.ROUND_ROBIN, True)],
)


def member(bot_id: int, priority: int = 0, **fields: object) -> MemberSnapshot:
    defaults: dict[str, object] = {"status": MemberStatus.ONLINE, "weight": 2, "priority": priority}
    return MemberSnapshot(bot_id, "some_bot", **{**defaults, **fields})  # type: ignore[arg-type]


def suspect(priority: int = 0, trickle: float = 0.02) -> MemberSnapshot:
    return member(SUSPECT, priority, status=MemberStatus.SUSPECT, trickle=trickle)


def clicks_of(
    members: Sequence[MemberSnapshot], strategy: Strategy, *, sticky: bool = False, clicks: int = CLICKS
) -> Counter[int]:
    """So many clicks of as many visitors, by bot. Loads begin with what made the suspect one: as much as the others'."""
    pool = PoolSnapshot(1, 1, ("red1",), tuple(members), strategy=strategy, sticky=sticky)
    prepared = prepare(pool, NOW)
    chances = random.Random(5)
    loads = {one.bot_id: 10_000.0 for one in members}
    allowance: dict[int, float] = {}
    counts: Counter[int] = Counter()
    for number in range(clicks):
        if prepared.rotation:
            bot_id = turn(prepared.rotation, number)
        else:
            balance = Balance(loads, allowance)
            chosen = choose(prepared, visitor=f"v{number}", balance=balance, chance=chances.random())
            bot_id = chosen.bot_id
            allowance = allowance_after(prepared.candidates, allowance, bot_id)
            loads[bot_id] += 1
        counts[bot_id] += 1
    return counts


def assert_about(got: int, due: float) -> None:
    """Four standard deviations of chance. Chance and hashes weigh parts against each other, so that where half of the
    members are suspects each has up to twice its trickle; what counts is that it is one."""
    spread = 4 * due**0.5
    assert due - spread <= got <= 2 * due + spread


@ways
@pytest.mark.parametrize(
    ("others", "own", "part_of_all"),
    [
        ((0, 0, 0), 0, 1 / 4),  # beside others of its tier
        ((0, 0, 0), 1, 1),  # the only one of a preferred tier: all the traffic was its own
        ((-1, -1), 0, 1),  # spares serve for it
        ((0,), 0, 1 / 2),
    ],
)
def test_a_suspect_keeps_two_percent_of_its_traffic(
    strategy: Strategy, sticky: bool, others: tuple[int, ...], own: int, part_of_all: float
) -> None:
    members = [*(member(number, priority) for number, priority in enumerate(others, 1)), suspect(own)]
    got = clicks_of(members, strategy, sticky=sticky)[SUSPECT]
    due = CLICKS * part_of_all * 0.02
    assert_about(got, due)


@ways
@pytest.mark.parametrize("own", [0, 1])
def test_a_suspect_gets_a_click_a_minute_of_a_pool_with_little_traffic(
    strategy: Strategy, sticky: bool, own: int
) -> None:
    per_hour, part = 600, 1.0 if own else 1 / 4
    trickle = 60 / (per_hour * part)
    members = [*(member(number) for number in (1, 2, 3)), suspect(own, trickle)]
    got = clicks_of(members, strategy, sticky=sticky, clicks=per_hour * 10)[SUSPECT]
    assert got >= 60 * 10 - 4 * (60 * 10) ** 0.5


@ways
def test_two_suspects_of_a_preferred_tier_share_what_it_would_have_had(
    strategy: Strategy, sticky: bool
) -> None:
    second = member(8, 1, status=MemberStatus.SUSPECT, trickle=0.02)
    counts = clicks_of([member(1), member(2), suspect(1), second], strategy, sticky=sticky)
    due = CLICKS * 0.02 / 2
    for bot_id in (8, SUSPECT):
        assert_about(counts[bot_id], due)


@ways
def test_a_slow_start_of_the_others_makes_no_more_of_a_suspect(strategy: Strategy, sticky: bool) -> None:
    starting = [member(number, slow_start=True, joined_at=NOW) for number in (1, 2, 3)]
    got = clicks_of([*starting, suspect()], strategy, sticky=sticky)[SUSPECT]
    assert_about(got, CLICKS * 0.02 / 4)


@ways
def test_a_suspect_of_a_lower_tier_waits_until_its_tier_serves(strategy: Strategy, sticky: bool) -> None:
    pool = [member(1, 1), suspect(0)]
    assert SUSPECT not in clicks_of(pool, strategy, sticky=sticky, clicks=2000)
    snapshot = PoolSnapshot(1, 1, ("red1",), tuple(pool))
    assert ineligibility(snapshot, pool[1], "tier1") == "lower_tier"


@pytest.mark.parametrize("own", [0, 1])
def test_an_explanation_counts_a_suspect_with_a_trickle_among_those_that_serve(own: int) -> None:
    pool = PoolSnapshot(1, 1, ("red1",), (member(1), suspect(own)))
    assert ineligibility(pool, pool.members[1], prepare(pool, NOW).tier) == ""
