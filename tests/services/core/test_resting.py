"""Long work in a process that answers people: it pauses, and begins no piece while an answer is on its way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.core import resting
from services.core.resting import (
    FACTOR,
    LONGEST_SECONDS,
    LOOK_SECONDS,
    PIECE_SECONDS,
    STEP_SECONDS,
    Answering,
    answering,
    make_way,
    rest,
)


class Clock:
    """Takes the place of `time` in the module: it stands until somebody sleeps, and what happens meanwhile is the test's to say."""

    def __init__(self) -> None:
        self.now = 100.0
        self.meanwhile: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(resting, "time", clock)
    monkeypatch.setattr(answering, "_until", 0.0)
    return clock


def test_too_short_a_piece_is_no_reason_for_a_pause(clock: Clock) -> None:
    since = clock.now
    clock.now += PIECE_SECONDS / 2
    assert rest(since) == since
    assert clock.now == since + PIECE_SECONDS / 2


def test_a_pause_befits_the_piece_before_it(clock: Clock) -> None:
    since = clock.now
    clock.now += 2 * PIECE_SECONDS
    assert rest(since) == pytest.approx(since + 2 * PIECE_SECONDS * (1 + FACTOR))


def test_a_pause_after_a_piece_that_waited_itself_is_a_short_one(clock: Clock) -> None:
    since = clock.now
    clock.now += 60
    assert rest(since) == pytest.approx(since + 60 + LONGEST_SECONDS)


def test_somebody_is_being_answered_until_no_step_follows(clock: Clock) -> None:
    person = Answering()
    assert not person.is_on
    person.note()
    assert person.is_on
    clock.now += STEP_SECONDS
    assert not person.is_on
    assert person.was_lately


def test_a_piece_begins_at_once_while_nobody_is_answered(clock: Clock) -> None:
    began = clock.now
    assert make_way() == began == clock.now


def test_a_piece_waits_for_the_answer_on_its_way(clock: Clock) -> None:
    answering.note()
    ends = clock.now + STEP_SECONDS
    assert ends <= make_way() < ends + LOOK_SECONDS


def test_a_piece_waits_for_answers_but_not_for_ever(clock: Clock) -> None:
    began = clock.now
    clock.meanwhile = answering.note  # one answer after the other
    answering.note()
    waited = make_way() - began
    assert LONGEST_SECONDS <= waited < LONGEST_SECONDS + 2 * LOOK_SECONDS
