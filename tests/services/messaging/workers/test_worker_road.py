"""From the door over the lane to the owner's program and back, on real parts."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from models import Bot
from services.alerts.dead_letters.deciding import replay
from services.alerts.dead_letters.selection import LetterFilter, Selection
from services.core.errors import Conflict, InvalidInput, Unavailable
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.replay.resending import resolve_done, take_turn
from services.messaging.updates.intake import Intake
from services.messaging.workers.answering import WantedCall, WorkAnswers
from services.messaging.workers.giving import Given, WorkGiver, queue_of
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.queueing import work_queue
from tests.services.messaging.draining import QUICK, handle_all, letters, replies
from tools.servers.fleet import accept_all, message, stream
from tools.servers.sandbox import wait_until

ANA, BIA = 501, 502


def texts(given: list[Given]) -> list[str]:
    """What people wrote, in the order in which a program got it."""
    return [each.update["message"]["text"] for each in given]


def handle(platform: Platform) -> None:
    """Work off the lanes, from which nobody waits for more."""
    handle_all(platform, timings=replace(QUICK, idle_timeout=0.05, read_timeout=0.05))


def run_out(platform: Platform, worker: WorkerIdentity) -> None:
    """Let time pass until every lease has run out, without waiting for it."""
    redis, name = platform.redis, work_keys.incoming(worker.public_id)
    group = work_keys.group(worker.public_id)
    for each in redis.xpending_range(name, group, "-", "+", 100):
        ids: list[int | bytes | str | memoryview[int]] = [str(each["message_id"])]
        redis.xclaim(name, group, str(each["consumer"]), 0, ids, idle=10**7, justid=True)


@pytest.fixture
def giver(platform: Platform) -> WorkGiver:
    return WorkGiver(platform)


@pytest.fixture
def answers(platform: Platform, giver: WorkGiver) -> WorkAnswers:
    return WorkAnswers(platform, giver)


def test_a_chat_waits_for_the_answer_to_its_update_while_others_go_on(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver, answers: WorkAnswers
) -> None:
    accept_all(
        platform,
        bot,
        [message(1, ANA, "one"), message(2, ANA, "two"), message(3, ANA, "three"), message(4, BIA, "uno")],
    )
    handle(platform)
    assert queue_of(platform, worker).lag() == 4
    assert replies(platform, bot) == []  # no plugin was asked
    first = giver.take(worker, most=10, wait_seconds=0)
    assert sorted(texts(first)) == ["one", "uno"]
    assert giver.take(worker, most=10, wait_seconds=0) == []
    ana = next(each for each in first if texts([each]) == ["one"])
    answers.respond(worker, ana.work.lease, [WantedCall("sendMessage", {"chat_id": ANA, "text": "got one"})])
    assert texts(giver.take(worker, most=10, wait_seconds=0)) == ["two"]
    assert replies(platform, bot) == [(str(ANA), "got one")]
    assert queue_of(platform, worker).lag() == 3


def test_an_answer_counts_once_and_only_for_whoever_holds_the_lease(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver, answers: WorkAnswers
) -> None:
    accept_all(platform, bot, [message(1, ANA, "one"), message(2, ANA, "two")])
    handle(platform)
    said = [WantedCall("sendMessage", {"chat_id": ANA, "text": "hi"})]
    (late,) = giver.take(worker, most=1, wait_seconds=0)
    run_out(platform, worker)
    (again,) = giver.take(worker, most=1, wait_seconds=0)
    assert (texts([again]), again.work.attempt) == (["one"], 1)
    refused = []
    for lease in (late.work.lease, "0-1", "nonsense", again.work.lease, again.work.lease):
        try:
            answers.respond(worker, lease, said)
        except Conflict as error:
            refused.append(error.code)
    assert refused == ["lease_gone"] * 4
    assert len(replies(platform, bot)) == 1
    assert texts(giver.take(worker, most=1, wait_seconds=0)) == ["two"]


def test_a_worker_that_never_answers_costs_five_deliveries_then_a_dead_letter_and_the_chat_goes_on(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver
) -> None:
    accept_all(platform, bot, [message(1, ANA, "poison"), message(2, ANA, "two")])
    handle(platform)
    seen = []
    for _ in range(work_queue.MOST_DELIVERIES):
        seen += texts(giver.take(worker, most=10, wait_seconds=0))
        run_out(platform, worker)
    assert seen == ["poison"] * work_queue.MOST_DELIVERIES
    giver.take(worker, most=10, wait_seconds=0)  # gives it up
    assert texts(giver.take(worker, most=10, wait_seconds=0)) == ["two"]
    (letter,) = letters(platform)
    assert (letter.kind, letter.bot_id, letter.attempts) == ("update", bot.id, 5)
    assert "poison" in json.dumps(letter.payload)
    assert queue_of(platform, worker).lag() == 1


def test_a_failure_brings_the_update_again_after_a_while_and_without_retry_a_dead_letter(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver, answers: WorkAnswers
) -> None:
    accept_all(platform, bot, [message(1, ANA, "one"), message(2, ANA, "two")])
    handle(platform)
    (given,) = giver.take(worker, most=10, wait_seconds=0)
    assert answers.fail(worker, given.work.lease, "no database") is True
    with pytest.raises(Conflict):
        answers.respond(worker, given.work.lease, [])
    assert giver.take(worker, most=10, wait_seconds=0) == []  # its chat waits
    run_out(platform, worker)
    (again,) = giver.take(worker, most=10, wait_seconds=0)
    assert (texts([again]), again.work.attempt) == (["one"], 1)
    assert answers.fail(worker, again.work.lease, "TypeError: x is undefined", again=False) is False
    assert texts(giver.take(worker, most=10, wait_seconds=0)) == ["two"]
    (letter,) = letters(platform)
    assert letter.error == "TypeError: x is undefined"


def test_a_replay_is_over_when_the_program_has_answered_it_and_not_before(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver, answers: WorkAnswers
) -> None:
    accept_all(platform, bot, [message(1, ANA, "one")])
    handle(platform)
    (given,) = giver.take(worker, most=1, wait_seconds=0)
    answers.fail(worker, given.work.lease, "first", again=False)
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    for ending, resolved, state in (("fail", 0, "open"), ("answer", 1, "resolved")):
        assert replay(platform, owner, Selection(filter=LetterFilter())).replaying == 1
        take_turn(platform, turn_seconds=0.001)
        handle(platform)
        assert resolve_done(platform) == 0  # it has left the lane, and nothing came of it yet
        (again,) = giver.take(worker, most=1, wait_seconds=0)
        assert texts([again]) == ["one"]
        if ending == "fail":
            answers.fail(worker, again.work.lease, "second", again=False)
        else:
            answers.respond(worker, again.work.lease, [])
        assert resolve_done(platform) == resolved
        (letter,) = letters(platform)
        assert letter.state == state


def test_a_lease_can_be_made_longer(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver, answers: WorkAnswers
) -> None:
    accept_all(platform, bot, [message(1, ANA, "one")])
    handle(platform)
    (given,) = giver.take(worker, most=1, wait_seconds=0)
    run_out(platform, worker)
    assert answers.extend(worker, given.work.lease) == worker.lease_seconds
    assert giver.take(worker, most=1, wait_seconds=0) == []
    answers.respond(worker, given.work.lease, [])
    assert queue_of(platform, worker).lag() == 0
    assert platform.redis.keys(f"{keys.PREFIX}:bot:{bot.id}:work:he*") in ([], [work_keys.held_count(bot.id)])


def test_whoever_waits_is_woken_by_the_first_update(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver
) -> None:
    got: list[Given] = []
    waiting = threading.Thread(target=lambda: got.extend(giver.take(worker, most=1, wait_seconds=25)))
    waiting.start()
    wait_until(lambda: platform.redis.exists(work_keys.seen(bot.id)))
    accept_all(platform, bot, [message(1, ANA, "hello")])
    handle(platform)
    waiting.join(20)
    assert texts(got) == ["hello"]


def test_another_bot_s_worker_reaches_nothing(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver, answers: WorkAnswers
) -> None:
    accept_all(platform, bot, [message(1, ANA, "one")])
    handle(platform)
    (given,) = giver.take(worker, most=1, wait_seconds=0)
    other = replace(worker, bot_id=bot.id + 1, public_id="bot_000000000000")
    assert giver.take(other, most=1, wait_seconds=0) == []
    for act in (answers.extend, lambda who, lease: answers.respond(who, lease, [])):
        with pytest.raises(Conflict):
            act(other, given.work.lease)


def test_what_would_take_the_bot_out_of_our_hands_cannot_be_called(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver, answers: WorkAnswers
) -> None:
    accept_all(platform, bot, [message(1, ANA, "one")])
    handle(platform)
    (given,) = giver.take(worker, most=1, wait_seconds=0)
    for method in ("setWebhook", "SETWEBHOOK", "logOut", "getManagedBotToken", "send message", "../x", ""):
        with pytest.raises(InvalidInput):
            answers.respond(worker, given.work.lease, [WantedCall(method, {})])
    answers.respond(worker, given.work.lease, [])  # nothing of it was done: the lease stands


def test_a_full_queue_closes_the_door_for_its_bot_alone(
    platform: Platform,
    bot: Bot,
    worker: WorkerIdentity,
    giver: WorkGiver,
    answers: WorkAnswers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.messaging.updates.effects.MOST_WAITING", 2)
    monkeypatch.setattr(work_queue, "MOST_WAITING", 2)
    accept_all(platform, bot, [message(1, ANA, "one"), message(2, ANA, "two")])
    handle(platform)
    intake = Intake(platform)
    with pytest.raises(Unavailable):
        intake.accept(bot.id, message(3, BIA, "uno"))
    intake.accept(bot.id + 1, message(3, BIA, "uno"))
    (given,) = giver.take(worker, most=1, wait_seconds=0)
    answers.respond(worker, given.work.lease, [])
    intake.accept(bot.id, message(3, BIA, "uno"))  # room again


def test_a_token_in_an_update_lies_sealed_in_redis_and_reaches_the_program_open(
    platform: Platform, bot: Bot, worker: WorkerIdentity, giver: WorkGiver
) -> None:
    secret = "123456789:" + "S" * 35
    accept_all(platform, bot, [message(1, ANA, secret), message(2, ANA, secret)])
    handle(platform)
    held = platform.redis.lrange(work_keys.held(bot.id, str(ANA)), 0, -1)
    assert secret not in json.dumps([stream(platform, work_keys.incoming(bot.public_id)), held])
    assert texts(giver.take(worker, most=1, wait_seconds=0)) == [secret]
