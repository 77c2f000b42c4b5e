"""How often a bot's streams are looked at."""

from __future__ import annotations

from services.messaging.workers.streams.watchlist import DEFAULT_TIMINGS, Watchlist
from services.queueing.work_streams import Acknowledged, Look

TIMES = DEFAULT_TIMINGS
DONE = (Acknowledged("1-1", "5", "r"),)
NOTHING = Look(0, 0, 0, (), 0, 1)


def speaking(now: float) -> Watchlist:
    """One whose bot's program has just acknowledged something."""
    watchlist = Watchlist(TIMES)
    watchlist.look([7], now)
    watchlist.note(7, Look(1, 0, 0, DONE, 0, 1), now, moved=False)
    return watchlist


def test_a_bot_is_looked_at_the_more_often_the_more_its_program_does_and_never_while_it_sleeps() -> None:
    later, soon = TIMES.linger + 1, TIMES.busy
    for name, look, moved, after, pause in (
        ("it acknowledged something", Look(1, 0, 0, DONE, 0, 1), False, later, TIMES.busy),
        ("it wants something called", Look(0, 0, 0, (), 3, 1), True, later, TIMES.busy),
        ("its calls find no room", Look(0, 0, 0, (), 3, 1), False, later, TIMES.waiting),
        ("it holds something", Look(1, 1, 0, (), 0, 1), False, later, TIMES.at_work),
        ("it was just offered something", Look(1, 0, 0, (), 0, 1), False, soon, TIMES.at_work),
        ("it may go on at once", NOTHING, False, soon, TIMES.at_work),
        ("nobody takes what is offered", Look(1, 0, 0, (), 0, 1), False, later, TIMES.waiting),
        ("it takes over HTTP", Look(2, 1, 1, (), 0, 1), False, later, TIMES.waiting),
        ("it sleeps", NOTHING, False, later, None),
    ):
        watchlist, now = speaking(100.0), 100.0 + after
        watchlist.note(7, look, now, moved=moved)
        expected = now + 50.0 if pause is None else now + pause
        assert watchlist.next_look(now + 50.0) == expected, name
        assert watchlist.sleepers([7, 8]) == ([7, 8] if pause is None else [8]), name


def test_a_hint_hurries_for_a_program_that_speaks_to_redis_alone_and_late_answers_are_looked_for_once_a_second() -> (
    None
):
    over_http, speaks = Watchlist(TIMES), speaking(100.0)
    speaks.note(7, NOTHING, 200.0, moved=False)
    for watchlist, pause in ((over_http, TIMES.waiting), (speaks, TIMES.busy)):
        watchlist.wake(7, 300.0)
        assert watchlist.next_look(400.0) == 300.0 + pause
    speaks.wake(7, 300.0 + TIMES.speaks)
    assert speaks.due(300.0 + TIMES.busy) == [7]
    assert [speaks.late([7], at) for at in (300.5, 301.1, 301.5, 302.2)] == [[], [7], [], [7]]
    speaks.keep([8])
    assert speaks.due(1000.0) == []
