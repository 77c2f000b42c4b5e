"""How often a bot's streams are looked at."""

from __future__ import annotations

from services.messaging.workers.watchlist import DEFAULT_TIMINGS, Watchlist
from services.queueing.work_streams import Acknowledged, Look

TIMES = DEFAULT_TIMINGS
DONE = (Acknowledged("1-1", "5", "r"),)
NOTHING = Look(0, 0, 0, (), 0, 1)


def test_a_bot_is_looked_at_the_more_often_the_more_its_program_does_and_never_while_it_sleeps() -> None:
    for name, look, lingers, pause in (
        ("it acknowledged something", Look(1, 0, 0, DONE, 0, 1), False, TIMES.busy),
        ("it wants something called", Look(0, 0, 0, (), 3, 1), False, TIMES.busy),
        ("it holds something", Look(1, 1, 0, (), 0, 1), False, TIMES.at_work),
        ("it was just offered something", Look(1, 0, 0, (), 0, 1), True, TIMES.at_work),
        ("it may go on at once", NOTHING, True, TIMES.at_work),
        ("nobody takes what is offered", Look(1, 0, 0, (), 0, 1), False, TIMES.waiting),
        ("it takes over HTTP", Look(2, 1, 1, (), 0, 1), True, TIMES.waiting),
        ("it sleeps", NOTHING, False, None),
    ):
        watchlist = Watchlist(TIMES)
        watchlist.wake(7, 100.0)
        assert watchlist.due(100.0 + TIMES.busy) == [7]
        now = 100.0 + (TIMES.busy if lingers else TIMES.linger + 1)
        watchlist.note(7, look, now)
        expected = now + 50.0 if pause is None else now + pause
        assert watchlist.next_look(now + 50.0) == expected, name
        assert watchlist.sleepers([7, 8]) == ([7, 8] if pause is None else [8]), name


def test_hints_do_not_hurry_for_a_program_over_http_and_late_answers_are_looked_for_once_a_second() -> None:
    watchlist = Watchlist(TIMES)
    watchlist.wake(7, 100.0)
    watchlist.note(7, Look(1, 1, 1, (), 0, 1), 100.1)
    watchlist.wake(7, 100.2)
    assert watchlist.due(100.3) == []
    assert watchlist.due(100.1 + TIMES.waiting) == [7]
    assert [watchlist.late([7], at) for at in (100.5, 101.1, 101.5, 102.2)] == [[], [7], [], [7]]
    watchlist.keep([8])
    assert watchlist.due(1000.0) == []
