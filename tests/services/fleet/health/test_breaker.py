"""The breaker's table, walked state by state. Times are aware; the walk is repeated under two zones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models import MemberStatus as S
from models import PoolBot
from services.core.settings import Settings
from services.fleet.health.breaker import (
    LAYER_CAUSES,
    BreakerState,
    CheckOutcome,
    Health,
    allowed_back,
    is_due,
    step,
)
from services.fleet.health.members import state_of, write_state
from services.platform.platform import Platform
from tests.services.fleet.health.world import add_member

NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
# Where the clock on the wall is: as it is here, and nine hours ahead.
in_two_zones = pytest.mark.parametrize("zone", ["", "Asia/Tokyo"], ids=["here", "Tokyo"], indirect=True)
OUTCOMES = {
    "good": CheckOutcome(Health.GOOD),
    "401": CheckOutcome(Health.DEAD, "unauthorized"),
    "404": CheckOutcome(Health.DEAD, "not_found"),
    "frozen": CheckOutcome(Health.DEAD, "frozen"),
    "timeout": CheckOutcome(Health.TRANSIENT, "timeout"),
    "5xx": CheckOutcome(Health.TRANSIENT, "server_error"),
    "403": CheckOutcome(Health.NONE),
    "429": CheckOutcome(Health.NONE, retry_after=30),
}


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zone of this process; empty for the one it has."""
    if request.param:
        monkeypatch.setenv("TZ", request.param)
        time.tzset()
        assert NOW.astimezone().utcoffset() == timedelta(hours=9)
    yield
    monkeypatch.undo()
    time.tzset()


# start; then, each at the moment the state allows it: outcome, expected status, seconds to the next check (None: the
# next sweep), and whether a slow start begins with it.
TABLE = [
    ("checking", [("good", "online", None, True)]),
    ("checking", [("401", "checking", 3, False), ("good", "online", None, True)]),
    ("checking", [("timeout", "checking", 3, False), ("timeout", "offline", 120, False)]),
    (
        "checking",
        [("401", "checking", 3, False), ("401", "offline", 120, False), ("401", "banned", 600, False)],
    ),
    ("online", [("good", "online", None, False)]),
    ("online", [("5xx", "degraded", 3, False), ("good", "online", None, False)]),
    (
        "online",
        [("401", "degraded", 3, False), ("401", "offline", 120, False), ("401", "banned", 600, False)],
    ),
    (
        "online",
        [("404", "degraded", 3, False), ("404", "offline", 120, False), ("404", "banned", 600, False)],
    ),
    (
        "online",
        [("frozen", "degraded", 3, False), ("401", "offline", 120, False), ("404", "banned", 600, False)],
    ),
    (
        "online",
        [("401", "degraded", 3, False), ("401", "offline", 120, False), ("timeout", "offline", 240, False)],
    ),
    (
        "online",
        [
            ("timeout", "degraded", 3, False),
            ("timeout", "offline", 120, False),
            ("5xx", "offline", 240, False),
            ("timeout", "offline", 480, False),
            ("timeout", "offline", 600, False),
            ("timeout", "offline", 600, False),
            ("good", "offline", 3, False),
            ("timeout", "offline", 600, False),
            ("good", "offline", 3, False),
            ("good", "online", None, True),
            ("timeout", "degraded", 3, False),
            ("timeout", "offline", 120, False),  # a recovery forgets the long hold
        ],
    ),
    # Three dead answers since the last good check ban, and only then.
    (
        "online",
        [
            ("timeout", "degraded", 3, False),
            ("timeout", "offline", 120, False),
            ("401", "offline", 240, False),
            ("401", "offline", 480, False),
            ("401", "banned", 600, False),
        ],
    ),
    (
        "online",
        [
            ("401", "degraded", 3, False),
            ("401", "offline", 120, False),
            ("good", "offline", 3, False),  # 401 flaps: a good probe begins the count anew
            ("401", "offline", 240, False),
            ("401", "offline", 480, False),
            ("401", "banned", 600, False),
        ],
    ),
    (
        "online",
        [("401", "degraded", 3, False), ("good", "online", None, False), ("401", "degraded", 3, False)],
    ),
    ("suspect", [("good", "suspect", None, False)]),
    ("suspect", [("401", "suspect", 3, False), ("401", "offline", 120, False)]),
    (
        "banned",
        [("good", "banned", 600, False), ("good", "banned", 600, False), ("401", "banned", 600, False)],
    ),
    # A 403 about somebody and a 429 are no failures.
    (
        "online",
        [("403", "online", None, False), ("403", "online", None, False), ("429", "online", 30, False)],
    ),
    (
        "online",
        [("401", "degraded", 3, False), ("429", "degraded", 30, False), ("401", "offline", 120, False)],
    ),
    ("checking", [("429", "checking", 30, False), ("good", "online", None, True)]),
]


@in_two_zones
@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(("start", "walk"), TABLE)
def test_the_breaker_walks_as_the_table_says(
    start: str, walk: list[tuple[str, str, int | None, bool]]
) -> None:
    now, state = NOW, BreakerState(S(start))
    for what, status, seconds, starts_slowly in walk:
        now = max(now + timedelta(seconds=1), state.next_check_at or now)
        before = state
        result = step(state, OUTCOMES[what], now)
        state = result.state
        wait = (state.next_check_at - now).total_seconds() if state.next_check_at else None
        assert (state.status, wait, state.slow_start_at == now) == (status, seconds, starts_slowly), what
        assert bool(result.cause) is (state.status is not before.status)
        assert (state.status is S.OFFLINE) is (state.circuit_breaker_until is not None)


@in_two_zones
@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize("what", OUTCOMES)
def test_nothing_counts_during_a_hold(what: str) -> None:
    until = NOW + timedelta(seconds=60)
    held = BreakerState(S.OFFLINE, "timeout", 2, 0, 0, until, 120, until)
    assert step(held, OUTCOMES[what], NOW).state == held
    assert not is_due(held, NOW)
    assert is_due(held, until)


def test_two_answers_at_the_same_moment_are_one_failure() -> None:
    first = step(BreakerState(S.ONLINE), OUTCOMES["401"], NOW).state
    assert step(first, OUTCOMES["401"], NOW + timedelta(seconds=1)).state == first


@pytest.mark.parametrize("cause", sorted(LAYER_CAUSES))
def test_a_good_getme_does_not_clear_what_another_layer_degraded(cause: str) -> None:
    degraded = BreakerState(S.DEGRADED, cause)
    assert step(degraded, OUTCOMES["good"], NOW).state == degraded
    failed = step(degraded, OUTCOMES["401"], NOW).state
    assert (failed.status, failed.status_cause) == (S.DEGRADED, cause)
    assert step(failed, OUTCOMES["401"], NOW + timedelta(seconds=3)).state.status is S.OFFLINE


def test_a_suspect_with_one_failed_check_is_still_one_by_conversion() -> None:
    failed = step(BreakerState(S.SUSPECT, "conversion"), OUTCOMES["timeout"], NOW).state
    assert (failed.status, failed.status_cause, failed.consecutive_failures) == (S.SUSPECT, "conversion", 1)


def test_a_banned_member_returns_only_by_leave_and_then_by_two_good_checks() -> None:
    banned = BreakerState(S.BANNED, "unauthorized", 3, 3, 0, None, 120, NOW + timedelta(minutes=9))
    allowed = allowed_back(banned, NOW)
    first = step(allowed, OUTCOMES["good"], NOW).state
    assert first.status is S.OFFLINE
    assert first.next_check_at is not None
    second = step(first, OUTCOMES["good"], first.next_check_at).state
    assert (second.status, second.slow_start_at) == (S.ONLINE, first.next_check_at)
    assert second == replace(second, permanent_failures=0, consecutive_failures=0, hold_seconds=0)
    assert step(allowed, OUTCOMES["401"], NOW).state.status is S.BANNED
    assert step(allowed, OUTCOMES["timeout"], NOW).state.hold_seconds == 240


def test_a_long_retry_after_is_capped() -> None:
    asked = step(BreakerState(S.ONLINE), CheckOutcome(Health.NONE, retry_after=10_072), NOW).state
    assert asked.next_check_at == NOW + timedelta(seconds=600)


@in_two_zones
@pytest.mark.usefixtures("zone")
def test_times_survive_the_database_as_they_were(settings: Settings) -> None:
    platform = Platform(settings)
    state = BreakerState(S.OFFLINE, "timeout", 2, 0, 0, NOW, 120, NOW + timedelta(seconds=120), NOW)
    with platform.database.transaction() as session:
        member = add_member(session)
        write_state(session, member, state, "timeout", NOW)
        member_id = member.id
    with platform.database.reading() as session:
        assert state_of(session.get_one(PoolBot, member_id)) == state
    platform.database.dispose()
