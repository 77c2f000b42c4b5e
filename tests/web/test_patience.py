"""What a peer may keep a worker waiting for, told on a clock of the test's own."""

from __future__ import annotations

from math import inf

import pytest

from web.server.patience import Limits, Patience, Stage

LIMITS = Limits(head=10, idle=75, patience=20, rate=1000)


def test_the_first_head_ends_ten_seconds_after_the_connection_began_whenever_its_bytes_come() -> None:
    patience = Patience(LIMITS, 100)
    patience.wait_for_head()
    assert patience.deadline == 110
    patience.head_came(109)
    patience.wait_for_head()
    assert patience.deadline == 110


def test_later_heads_end_ten_seconds_after_their_first_byte() -> None:
    patience = answered(100)
    patience.wait_for_head()
    assert patience.deadline == 175
    patience.head_came(170)
    patience.wait_for_head()
    assert patience.deadline == 180
    patience.head_came(179)
    patience.wait_for_head()
    assert patience.deadline == 180


def test_waiting_for_a_body_spends_patience_and_bytes_earn_it_up_to_what_it_was() -> None:
    patience = flowing(100)
    assert waited_for(patience, 100, 15, size=1) == 120
    assert waited_for(patience, 200, 1, size=3000) == pytest.approx(205.001)
    assert waited_for(patience, 300, 1, size=10**9) == pytest.approx(307.001)
    assert waited_for(patience, 400, 1, size=0) == 420


def test_the_time_in_which_the_application_works_spends_nothing() -> None:
    patience = flowing(100)
    assert waited_for(patience, 100, 5, size=0) == 120
    assert patience.deadline == inf
    assert waited_for(patience, 500, 5, size=0) == 515


def test_each_request_begins_with_full_patience() -> None:
    patience = flowing(100)
    waited_for(patience, 100, 15, size=0)
    patience.expect_request(200)
    patience.head_came(201)
    patience.expect_flow()
    assert waited_for(patience, 300, 0, size=0) == 320


def test_what_is_left_is_a_part_of_the_time_allowed() -> None:
    fresh, later, flow = Patience(LIMITS, 100), answered(100), flowing(100)
    assert fresh.left(105) == inf
    fresh.wait_for_head()
    later.wait_for_head()
    flow.wait_for_flow(100)
    assert (fresh.left(105), later.left(115), flow.left(110)) == (0.5, 0.8, 0.5)
    later.head_came(150)
    later.wait_for_head()
    assert later.left(155) == 0.5


def test_a_connection_is_idle_until_a_byte_of_a_request_comes() -> None:
    fresh, later = Patience(LIMITS, 100), answered(100)
    assert (fresh.idle_for(103), later.idle_for(103)) == (3, 3)
    fresh.head_came(103)
    assert fresh.idle_for(104) == 0
    fresh.expect_flow()
    assert fresh.idle_for(105) == 0


def answered(now: float) -> Patience:
    patience = Patience(LIMITS, now - 5)
    patience.head_came(now)
    patience.expect_flow()
    patience.expect_request(now)
    return patience


def flowing(now: float) -> Patience:
    patience = Patience(LIMITS, now)
    patience.head_came(now)
    patience.expect_flow()
    assert patience.stage is Stage.FLOW
    return patience


def waited_for(patience: Patience, now: float, seconds: float, *, size: int) -> float:
    """The deadline of a wait that ended after so many seconds with so many bytes."""
    patience.wait_for_flow(now)
    deadline = patience.deadline
    patience.flowed(now + seconds, size)
    return deadline
