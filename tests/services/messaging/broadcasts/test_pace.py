"""How much each bot takes on, how carefully a broadcast begins, and when it stops itself."""

from __future__ import annotations

import pytest

from models import RecipientStatus
from services.core.states import BROADCAST_MOVES, BroadcastStatus
from services.messaging.broadcasts.brake import FIRST, Brake
from services.messaging.broadcasts.outcomes import read_outcome
from services.messaging.broadcasts.pace import Pace, seconds_left
from services.messaging.broadcasts.views import planned


def test_a_bot_takes_on_two_seconds_of_its_rate_and_more_as_people_are_settled() -> None:
    pace = Pace(10, now=0.0)
    pace.bots = {1}
    taken = 0
    for tenth in range(100):
        for bot, number in pace.shares(pace.bots, 1000, 1000, tenth / 10).items():
            pace.taken(bot, number, tenth / 10)
            taken += number
    assert taken == 20
    for _ in range(20):
        pace.settled(1)
    assert pace.shares(pace.bots, 1000, 1000, 11.0) == {1: 10}, "no more than a second's worth at once"


def test_over_a_minute_the_rate_is_kept() -> None:
    pace, taken = Pace(25, now=0.0), 0
    pace.bots = {1}
    for tenth in range(600):
        for bot, number in pace.shares(pace.bots, 10**6, 10**6, tenth / 10).items():
            pace.taken(bot, number, tenth / 10)
            taken += number
            for _ in range(number):
                pace.settled(bot)
    assert 25 * 58 <= taken <= 25 * 61


def test_workers_that_are_late_with_steps_get_less_and_the_whole_rate_again_when_they_are_not() -> None:
    pace = Pace(100, now=0.0)
    pace.bots = {1}
    for second in range(1, 6):
        pace.heard(2.0, float(second))
    assert pace.shares(pace.bots, 1000, 1000, 5.0)[1] < 30
    for second in range(6, 40):
        pace.heard(0.02, float(second))
    assert pace.shares(pace.bots, 1000, 1000, 41.0)[1] == 100


def test_what_little_may_be_under_way_is_spread_over_the_bots() -> None:
    pace = Pace(25, now=0.0)
    pace.bots = set(range(50))
    shares = pace.shares(pace.bots, FIRST, FIRST, 0.0)
    assert sum(shares.values()) == FIRST
    assert max(shares.values()) == 1


def test_bots_that_rest_take_nobodys_place() -> None:
    pace = Pace(25, now=0.0)
    pace.bots = set(range(50))
    shares = pace.shares(range(10, 50), 10**6, 150, 0.0)
    assert sum(shares.values()) == 150
    assert not shares.keys() & set(range(10))


def test_a_broadcast_begins_with_few_people_and_doubles() -> None:
    brake = Brake(10)
    assert brake.room == FIRST
    for _ in range(500):
        brake.note()
    assert brake.room == 500
    assert Brake(0).room > 10**5


@pytest.mark.parametrize(
    ("answer", "status", "cause"),
    [
        ('{"ok": true, "message_id": 5}', RecipientStatus.SENT, ""),
        ('{"ok": false, "halted": true}', RecipientStatus.WAITING, ""),
        ('{"ok": false, "uncertain": true, "description": "x"}', RecipientStatus.UNCERTAIN, "no_answer"),
        (
            '{"ok": false, "error_code": 403, "description": "Forbidden: user is deactivated"}',
            RecipientStatus.BLOCKED,
            "deactivated",
        ),
        (
            '{"ok": false, "error_code": 400, "description": "Bad Request: wrong file identifier"}',
            RecipientStatus.FAILED,
            "400 Bad Request: wrong file identifier",
        ),
        ('{"ok": false, "description": "bot_gone"}', RecipientStatus.FAILED, "bot_gone"),
    ],
)
def test_an_answer_says_what_became_of_a_person(answer: str, status: RecipientStatus, cause: str) -> None:
    outcome = read_outcome(answer)
    assert (outcome.status, outcome.cause) == (status, cause)


def test_the_plan_ends_with_the_bot_that_has_most_and_counts_what_is_beyond_the_free_rate() -> None:
    assert seconds_left({1: 100, 2: 500}, 25) == 20
    assert planned({1: 1000}, {1: "a"}, 30)["stars"] == 0
    assert planned({1: 1000}, {1: "a"}, 300) == {
        "people": 1000,
        "bots": [{"bot_id": 1, "name": "a", "people": 1000}],
        "seconds": 4,
        "stars": 90.0,
        "left_out": [],
    }


def test_what_is_over_goes_nowhere_and_everything_else_can_be_stopped() -> None:
    for status, ways in BROADCAST_MOVES.items():
        is_over = status in (BroadcastStatus.DONE, BroadcastStatus.STOPPED)
        assert (ways == frozenset()) == is_over
        assert is_over or status is BroadcastStatus.DRAFT or BroadcastStatus.STOPPED in ways
