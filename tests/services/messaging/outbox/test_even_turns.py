"""Messages of a broadcast lie evenly in time, and those of several bots beside each other."""

from __future__ import annotations

import itertools

from services.messaging.outbox.even_turns import EvenTurns


def _sent(turns: EvenTurns, bot: int, per_second: float, number: int, lag: float = 0.0) -> list[float]:
    """When `number` messages go of which all are there at once, by somebody who comes `lag` seconds late each time."""
    moments: list[float] = []
    now = 100.0
    while len(moments) < number:
        ready = turns.ready_at(bot, per_second, now)
        if ready <= now:
            turns.take(bot, per_second, now)
            moments.append(now)
        else:
            now = ready + lag
    return moments


def test_a_second_of_messages_takes_a_second() -> None:
    sent = _sent(EvenTurns(), 1, 25, 50)
    gaps = [after - before for before, after in itertools.pairwise(sent)]
    assert all(abs(gap - 0.04) < 0.001 for gap in gaps)
    assert 0 < sent[0] - 100.0 <= 0.04, "the first one waits for its turn, too"


def test_who_is_late_sends_all_the_same() -> None:
    assert len(_sent(EvenTurns(), 1, 25, 50, lag=0.03)) == 50
    assert _sent(EvenTurns(), 1, 25, 20, lag=3.0)[-1] < 100 + 20 * 3.1


def test_bots_that_are_given_people_at_once_do_not_send_at_once() -> None:
    turns = EvenTurns()
    firsts = sorted(_sent(turns, bot, 25, 1)[0] for bot in range(1, 5))
    assert all(after - before > 0.004 for before, after in itertools.pairwise(firsts))


def test_slow_broadcasts_wait_for_no_long_turn() -> None:
    assert _sent(EvenTurns(), 1, 1, 1)[0] <= 100.1


def _gap(turns: EvenTurns, late: float, number: int = 300) -> float:
    """Seconds between turns after so many of them that were each `late`, of more bots than a process can serve."""
    now = 100.0
    for place in range(number):
        now = max(now, turns.ready_at(place % 50, 1000, now)) + late
        turns.take(place % 50, 1000, now)
    return turns.ready_at(51, 1000, now) - now


def test_a_process_that_comes_late_to_turns_has_fewer_of_them_and_more_again_when_it_does_not() -> None:
    turns = EvenTurns()
    slow = _gap(turns, late=0.01)
    assert slow > 0.01
    assert _gap(turns, late=0.0) < slow / 5


def test_a_turn_that_nobody_came_to_for_long_says_nothing_about_the_process() -> None:
    turns = EvenTurns()
    before = turns.ready_at(1, 25, 100.0) - 100.0
    turns.take(1, 25, 200.0)
    assert turns.ready_at(2, 25, 200.0) - 200.0 == before


def test_turns_give_way_to_replies_one_by_one_and_not_for_ever() -> None:
    turns = EvenTurns()
    assert turns.ready_at(1, 25, 100.0) > 100.0
    assert turns.ready_at(2, 25, 100.0) > 100.0
    again = [turns.ready_at(bot, 25, 101.0, is_answering=True) for bot in (1, 2)]
    assert 101.0 < again[0] < again[1], "they do not go at once when the reply has left"
    now = again[0]
    while (ready := turns.ready_at(1, 25, now, is_answering=True)) > now:
        now = ready
    assert now - 101.0 < 0.5


def test_beside_replies_few_late_turns_are_too_many() -> None:
    def gap_after(*, beside_replies: bool) -> float:
        """One turn of four is late."""
        turns, now = EvenTurns(), 100.0
        for place in range(200):
            now = max(now, turns.ready_at(place % 50, 1000, now)) + (0.003 if place % 4 == 0 else 0.0)
            turns.take(place % 50, 1000, now, beside_replies=beside_replies)
        return turns.ready_at(51, 1000, now) - now

    assert gap_after(beside_replies=True) > 0.01
    assert gap_after(beside_replies=False) < 0.002
