"""A process that wakes up late rests for longer, and as before once it has time again."""

from __future__ import annotations

import time

import pytest

from services.queueing import process_pace
from services.queueing.process_pace import LATE_FOR_SECONDS, LONGEST_SECONDS, ProcessPace


class SlowClock:
    """Time that only sleeping moves, and by `late` seconds more than was asked for."""

    def __init__(self) -> None:
        self.now, self.late, self.turns_given = 100.0, 0.0, 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late

    def let_others_submit(self) -> None:
        self.turns_given += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SlowClock:
    clock = SlowClock()
    monkeypatch.setattr(process_pace, "time", clock)
    monkeypatch.setattr(process_pace, "let_others_submit", clock.let_others_submit)
    return clock


def rested(pace: ProcessPace, clock: SlowClock) -> float:
    """For how long it meant to wait, in seconds."""
    began = clock.now
    pace.rest()
    return clock.now - began - clock.late


def test_a_process_that_has_time_reads_at_the_shortest_interval(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    assert [rested(pace, clock) for _ in range(3)] == pytest.approx([0.006] * 3)


def test_the_later_it_wakes_the_longer_it_waits_but_never_for_long(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    clock.late = 0.005
    rested(pace, clock)
    assert rested(pace, clock) == pytest.approx(0.02)
    clock.late = 3.0
    rested(pace, clock)
    assert rested(pace, clock) == pytest.approx(LONGEST_SECONDS)


def test_it_goes_back_bit_by_bit_once_it_wakes_in_time(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    clock.late = 0.01
    rested(pace, clock)
    assert pace.is_late
    clock.late = 0.0
    waits = [rested(pace, clock) for _ in range(30)]
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] == pytest.approx(0.006)
    assert not pace.is_late


def test_on_the_real_clock_it_waits_at_least_as_long_as_it_is_told() -> None:
    pace, began = ProcessPace(0.01), time.monotonic()
    for _ in range(3):
        pace.rest()
    assert time.monotonic() - began >= 0.03


def test_whoever_gathers_waits_for_others_in_a_late_process_alone(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    pace.gather()
    assert (clock.now, clock.turns_given) == (100.0, 1)
    clock.late = 0.005
    rested(pace, clock)
    began = clock.now
    pace.gather()
    assert clock.now - began - clock.late == pytest.approx(0.02)
    assert clock.turns_given == 1


def test_a_process_that_has_not_rested_for_a_while_is_late_no_more(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    clock.late = 0.01
    rested(pace, clock)
    assert pace.is_late
    clock.now += LATE_FOR_SECONDS
    assert not pace.is_late
    clock.late = 0.0
    assert rested(pace, clock) == pytest.approx(0.006)
    pace.gather()
    assert clock.turns_given == 1
