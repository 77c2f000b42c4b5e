"""Updates of a program that reads Redis: what it acknowledges is settled, what it does not comes again."""

from __future__ import annotations

import json

import pytest
from redis.exceptions import OutOfMemoryError

from models import Bot
from services.alerts.dead_letters.deciding import replay
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.core.errors import Conflict
from services.fleet.workers.registry import end_worker
from services.messaging.replay.resending import resolve_done, take_turn
from services.messaging.workers.answering import WantedCall, WorkAnswers
from services.messaging.workers.giving import WorkGiver
from services.messaging.workers.streams.serving import StreamServer
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing import work_queue
from tests.services.fleet.workers.conftest import owner_of
from tests.services.messaging.draining import handle_all, letters, replies
from tests.services.messaging.workers.streams.conftest import Program, come, lag, serve
from tests.services.messaging.workers.test_worker_road import run_out
from tools.servers.fleet import message, stream

ANA, BIA = 501, 502


def texts(entries: list[tuple[str, dict[str, str]]]) -> dict[str, str]:
    """What people wrote, and the entry of each."""
    return {json.loads(fields["update"])["message"]["text"]: entry for entry, fields in entries}


def entries(platform: Platform, program: Program) -> list[str]:
    """The entries of `incoming`."""
    return [entry for entry, _ in stream(platform, program.incoming)]


def say(program: Program, text: str) -> None:
    program.call(data=json.dumps({"method": "sendMessage", "params": {"chat_id": ANA, "text": text}}))


def test_a_chat_goes_on_when_its_update_was_acknowledged_and_answers_keep_their_order(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    come(
        platform,
        bot,
        [message(1, ANA, "one"), message(2, ANA, "two"), message(3, ANA, "three"), message(4, BIA, "uno")],
    )
    first = program.read()
    assert (set(texts(first)), program.read(), lag(platform, program)) == ({"one", "uno"}, [], 4)
    assert [fields["bot_id"] for _, fields in first] == [bot.public_id] * 2
    held = texts(first)["one"]
    for expected in ("two", "three"):
        say(program, f"before {expected}")
        assert program.acknowledge(held) == 1
        following: dict[str, str] = {}
        serve(server, lambda: following.update(texts(program.read())) or following)  # noqa: B023
        held = following.pop(expected)
        assert following == {}
    assert replies(platform, bot) == [(str(ANA), "before two"), (str(ANA), "before three")]
    assert lag(platform, program) == 2  # "three" and "uno" are held by the program
    assert platform.redis.exists(work_keys.seen(bot.id), work_keys.outgoing(bot.public_id)) == 1
    program.acknowledge(*[entry for entry, _ in program.read("0")])
    serve(server, lambda: lag(platform, program) == 0)
    assert platform.redis.hlen(work_keys.heads(bot.id)) == 0


def test_acknowledging_twice_or_what_was_not_given_changes_nothing_and_reading_without_is_acknowledging(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    come(platform, bot, [message(1, ANA, "one"), message(2, ANA, "two"), message(3, BIA, "uno")])
    offered = entries(platform, program)
    assert program.acknowledge(*offered, "9999999999999-1") == 0  # nobody was given them yet
    server.turn()
    given = texts(program.read())
    assert given.keys() == {"one", "uno"}
    assert (program.acknowledge(given["one"]), program.acknowledge(given["one"])) == (1, 0)
    serve(server, lambda: texts(program.read(noack=True)).keys() == {"two"})
    serve(server, lambda: lag(platform, program) == 1)
    assert texts(program.read("0")).keys() == {"uno"}


def test_what_is_never_acknowledged_comes_five_times_then_is_a_dead_letter_and_the_chat_goes_on(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    come(platform, bot, [message(1, ANA, "poison"), message(2, ANA, "two")])
    for _ in range(work_queue.MOST_DELIVERIES):
        assert texts(program.read(consumer="failed")).keys() == {"poison"}
        run_out(platform, program.worker)
        waiting = entries(platform, program)
        serve(server, lambda: entries(platform, program) != waiting)  # noqa: B023
    (letter,) = letters(platform)
    assert (letter.kind, letter.attempts) == ("update", work_queue.MOST_DELIVERIES)
    # One that crashes and reads what it held never lets a lease run out: every reading counts.
    (entry, _) = program.read()[0]
    for _ in range(work_queue.MOST_DELIVERIES):
        server.turn()
        assert texts(program.read("0")).keys() == {"two"}
    serve(server, lambda: lag(platform, program) == 0)
    assert len(letters(platform)) == 2
    assert program.acknowledge(entry) == 0


def test_a_bot_may_be_served_over_http_and_redis_at_once(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    giver, worker = WorkGiver(platform), program.worker
    answers = WorkAnswers(platform, giver)
    come(
        platform,
        bot,
        [message(1, ANA, "one"), message(2, ANA, "two"), message(3, BIA, "uno"), message(4, BIA, "dos")],
    )
    (over_http,) = giver.take(worker, most=1, wait_seconds=0)
    ((lease, _),) = program.read()
    server.turn()
    assert answers.extend(worker, lease) == worker.lease_seconds  # its entry is its lease
    program.acknowledge(lease)
    with pytest.raises(Conflict):
        answers.respond(worker, lease, [])
    answers.respond(worker, over_http.work.lease, [WantedCall("sendMessage", {"chat_id": ANA, "text": "hi"})])
    serve(server, lambda: lag(platform, program) == 2)
    assert texts(program.read()).keys() == {"dos", "two"}
    assert replies(platform, bot) == [(str(ANA), "hi")]


def test_a_replay_is_over_when_the_program_acknowledged_it_and_the_door_opens_when_there_is_room(
    platform: Platform, bot: Bot, program: Program, server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    come(platform, bot, [message(1, ANA, "one")])
    giver = WorkGiver(platform)
    (given,) = giver.take(program.worker, most=1, wait_seconds=0)
    WorkAnswers(platform, giver).fail(program.worker, given.work.lease, "first", again=False)
    assert replay(platform, owner_of(bot), Selection(filter=LetterFilter())).replaying == 1
    take_turn(platform, turn_seconds=0.001)
    handle_all(platform)
    platform.redis.set(work_keys.is_full(bot.id), "1")
    ((entry, _),) = program.read()
    assert resolve_done(platform) == 0
    program.acknowledge(entry)
    serve(server, lambda: lag(platform, program) == 0)
    assert resolve_done(platform) == 1
    assert not platform.redis.exists(work_keys.is_full(bot.id))


def test_a_worker_that_ends_with_updates_in_hand_leaves_nothing_and_the_next_one_begins_anew(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    come(platform, bot, [message(1, ANA, "one"), message(2, ANA, "two")])
    program.read()
    say(program, "too late")
    server.turn()
    say(program, "much too late")
    end_worker(platform, owner_of(bot), bot.id)
    server.turn()
    assert platform.redis.keys(f"{bot.public_id}_*") == []
    assert bot.public_id not in platform.redis.acl_users()


def test_names_of_copies_that_are_gone_are_forgotten(
    platform: Platform, bot: Bot, program: Program, server: StreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.workers.streams.serving.MANY_NAMES", 10)
    monkeypatch.setattr("services.messaging.workers.streams.serving.TOO_MANY_NAMES", 20)
    come(platform, bot, [message(1, ANA, "one")])
    program.read(consumer="holder")
    for number in range(30):
        program.read(consumer=f"copy {number}")
    serve(server, lambda: len(platform.redis.xinfo_consumers(program.incoming, program.group)) == 1)
    assert texts(program.read("0", consumer="holder")).keys() == {"one"}


def test_a_full_redis_keeps_nobody_from_settling_which_is_what_makes_room(
    platform: Platform, bot: Bot, program: Program, server: StreamServer
) -> None:
    come(platform, bot, [message(1, ANA, "one"), message(2, ANA, "two"), message(3, BIA, "uno")])
    say(program, "waits for room")
    given = texts(program.read())
    server.turn()
    say(program, "waits too")
    platform.redis.config_set("maxmemory", "1")
    try:
        program.acknowledge(*given.values())
        serve(server, lambda: lag(platform, program) == 1)
        with pytest.raises(OutOfMemoryError):
            say(program, "refused by Redis itself")
    finally:
        platform.redis.config_set("maxmemory", "0")
    serve(server, lambda: len(replies(platform, bot)) == 2)
    assert texts(program.read()).keys() == {"two"}
