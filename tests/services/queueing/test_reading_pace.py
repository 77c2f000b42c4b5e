"""A reader of a process that is late reads less often, and as before once it has time again."""

from __future__ import annotations

import time

import pytest

from services.queueing import reading_pace
from services.queueing.reading_pace import LONGEST_SECONDS, ReadingPace


class SlowClock:
    """Time that only sleeping moves, and by `late` seconds more than was asked for."""

    def __init__(self) -> None:
        self.now, self.late = 100.0, 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SlowClock:
    clock = SlowClock()
    monkeypatch.setattr(reading_pace, "time", clock)
    return clock


def rested(pace: ReadingPace, clock: SlowClock) -> float:
    """For how long it meant to wait, in seconds."""
    began = clock.now
    pace.rest()
    return clock.now - began - clock.late


def test_a_process_that_has_time_reads_at_the_shortest_interval(clock: SlowClock) -> None:
    pace = ReadingPace(0.006)
    assert [rested(pace, clock) for _ in range(3)] == pytest.approx([0.006] * 3)


def test_the_later_it_wakes_the_longer_it_waits_but_never_for_long(clock: SlowClock) -> None:
    pace = ReadingPace(0.006)
    clock.late = 0.005
    rested(pace, clock)
    assert rested(pace, clock) == pytest.approx(0.02)
    clock.late = 3.0
    rested(pace, clock)
    assert rested(pace, clock) == pytest.approx(LONGEST_SECONDS)


def test_it_goes_back_as_soon_as_it_wakes_in_time(clock: SlowClock) -> None:
    pace = ReadingPace(0.006)
    clock.late = 0.01
    rested(pace, clock)
    clock.late = 0.0
    rested(pace, clock)
    assert rested(pace, clock) == pytest.approx(0.006)


def test_on_the_real_clock_it_waits_at_least_as_long_as_it_is_told() -> None:
    pace, began = ReadingPace(0.01), time.monotonic()
    for _ in range(3):
        pace.rest()
    assert time.monotonic() - began >= 0.03
