"""When a failure counts against an update, and how an endpoint that is down is spared."""

from __future__ import annotations

import pytest

from services.messaging.workers.webhooks.state import ALONE_FOR, LONGEST_REST, STREAK, EndpointState


def test_a_failure_counts_once_the_endpoint_has_taken_others_since_the_update_s_last() -> None:
    state = EndpointState()
    assert not state.failed("poison", 100.0, reached=True)  # nothing says yet that the endpoint is well
    assert state.at_once(100.1, 40) == 0
    assert state.at_once(102.0, 40) == 1
    for moment in (102.0, 104.0, 106.0):
        state.succeeded("other", moment)
        assert state.at_once(moment, 40) == 40
        assert state.failed("poison", moment + 1, reached=True)
        assert state.at_once(moment + 1, 40) == 40  # the others need not wait for it
    assert not state.failed("poison", 108.0, reached=True)  # none taken since


def test_an_endpoint_that_breaks_buries_nothing_however_many_it_had_and_however_long_it_stays_down() -> None:
    state = EndpointState()
    state.succeeded("before", 100.0)
    counted = [state.failed(f"u{number}", 100.0 + number / 100, reached=True) for number in range(40)]
    assert sum(counted) == STREAK  # once each, while nothing said that it is not the updates' own fault
    now, rests = 101.0, []
    while now < 100.0 + ALONE_FOR:
        assert not state.failed("u1", now, reached=True)
        rests.append(state.rests_until - now)
        assert state.at_once(state.rests_until, 40) == 1
        now = state.rests_until
    assert rests[-1] == pytest.approx(LONGEST_REST, rel=0.26)
    state.succeeded("u1", now)
    assert state.at_once(now, 40) == 40
    for _ in range(100):
        now += 3600
        assert not state.failed("u2", now, reached=False)  # it cannot have seen them: as if no program asked


def test_an_update_that_nobody_else_s_shows_to_be_at_fault_counts_after_ten_minutes() -> None:
    state = EndpointState()
    assert not state.failed("poison", 100.0, reached=True)
    assert not state.failed("poison", 99.0 + ALONE_FOR, reached=True)
    assert state.failed("poison", 100.0 + ALONE_FOR, reached=True)
    assert state.at_once(100.1 + ALONE_FOR, 40) == 0  # and still the endpoint is spared


def test_an_endpoint_s_own_wish_to_be_left_alone_is_kept_and_bounded() -> None:
    state = EndpointState()
    state.succeeded("other", 100.0)
    assert not state.failed("u", 100.0, reached=True, retry_after=30.0)
    assert (state.at_once(129.9, 40), state.at_once(130.1, 40)) == (0, 1)
    state.failed("u", 131.0, reached=True, retry_after=1e9)
    assert state.at_once(131.0 + 601, 40) == 1


def test_what_is_remembered_of_failing_updates_is_bounded() -> None:
    state = EndpointState()
    for number in range(5000):
        state.failed(f"u{number}", 100.0, reached=True)
    assert len(state.failing) == 1000
