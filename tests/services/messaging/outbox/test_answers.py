"""Answers to taps and payments: before all replies, outside the limits and the order of chats, but with their bot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, DeadLetter, UncertainPolicy
from services.core.metrics import SENDS
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.outgoing import slot_of
from services.messaging.outbox.pacing import Limits
from services.messaging.outbox.store import READ_AT_ONCE, OutboxStore
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.process_pace import ProcessPace
from services.queueing.shared_reads import SharedReads
from tests.services.messaging.draining import QUICK_SENDING, senders, shard_of
from tests.services.messaging.outbox.conftest import Put
from tools.servers.sandbox import Sandbox, wait_until

WAITING = 500  # more than a drain holds of a bot's replies in memory


def tap(sandbox: Sandbox, bot: Bot, user: int) -> str:
    """A tap on one of the bot's buttons; its id."""
    query = {
        "id": f"q{user}",
        "from": {"id": user, "is_bot": False, "first_name": "Ana"},
        "chat_instance": "1",
        "data": "x",
    }
    sandbox.inject(bot.username, {"callback_query": query})
    return str(query["id"])


def answer(platform: Platform, bot: Bot, query: str) -> None:
    enqueue_call(platform, bot.id, "answerCallbackQuery", {"callback_query_id": query})


@contextmanager
def sending(platform: Platform, bot: Bot, **changes: Any) -> Iterator[None]:
    """A consumer of the bot's shard that stays, with other settings."""
    stopping = threading.Event()
    changed = Platform(platform.settings.model_copy(update=changes))
    outbound = senders(changed, replace(QUICK_SENDING, idle_timeout=60.0), stopping)
    thread = threading.Thread(target=outbound.send_shard, args=(shard_of(platform, bot),))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(30)


@pytest.mark.parametrize("limit", ["pacing_chat_per_second", "pacing_bot_per_second"])
def test_a_tap_is_answered_while_hundreds_of_replies_wait_for_their_limits(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    left: Callable[[], int],
    limit: str,
) -> None:
    for number in range(WAITING):
        put(people[0], f"{number}")
    with sending(platform, bot, **{limit: 0.0001, "pacing_chat_burst": 1}):
        wait_until(lambda: sandbox.sent(bot.username))
        answer(platform, bot, tap(sandbox, bot, people[0]))
        wait_until(lambda: len(sandbox.sent(bot.username)) == 2)
        wait_until(lambda: left() == WAITING - 1)
    assert [each["method"] for each in sandbox.sent(bot.username)] == ["sendMessage", "answerCallbackQuery"]


def test_answers_go_before_replies_that_were_there_first(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put
) -> None:
    for user in people:
        put(user, "hello")
    answer(platform, bot, tap(sandbox, bot, people[0]))
    with sending(platform, bot, send_concurrency=1):
        wait_until(lambda: len(sandbox.sent(bot.username)) == 5)
    methods = [each["method"] for each in sandbox.sent(bot.username)]
    assert methods == ["answerCallbackQuery", *["sendMessage"] * 4]


def test_answers_wait_with_a_bot_that_was_flooded(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Callable[[], None],
    left: Callable[[], int],
) -> None:
    sandbox.fault("429", retry_after=60, count=2)
    put(people[0], "a")
    put(people[1], "b")
    send_all()
    answer(platform, bot, tap(sandbox, bot, people[2]))
    send_all()
    assert sandbox.calls("answerCallbackQuery") == 0
    assert left() == 3


def test_a_chat_that_was_flooded_holds_up_no_answer(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Callable[[], None],
    left: Callable[[], int],
) -> None:
    sandbox.fault("429", chat_id=people[0], retry_after=60, count=1)
    put(people[0], "a")
    send_all()
    answer(platform, bot, tap(sandbox, bot, people[0]))
    send_all()
    assert [each["method"] for each in sandbox.sent(bot.username)] == ["answerCallbackQuery"]
    assert left() == 1


def test_an_answer_that_comes_too_late_counts_as_done_and_is_neither_repeated_nor_a_dead_letter(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    send_all: Callable[[], None],
    left: Callable[[], int],
) -> None:
    answer(platform, bot, "long ago")  # Telegram says the same of one it never knew
    done = SENDS.labels("done")._value.get()
    send_all()
    assert sandbox.calls("answerCallbackQuery") == 1
    assert SENDS.labels("done")._value.get() == done + 1
    assert left() == 0
    assert letters(platform) == []


def test_an_answer_that_fails_is_tried_again_and_becomes_a_dead_letter_of_its_class(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    send_all: Callable[[], None],
    left: Callable[[], int],
) -> None:
    sandbox.fault("status", status=500, method="answerCallbackQuery", count=5)
    answer(platform, bot, tap(sandbox, bot, people[0]))
    send_all()
    [letter] = letters(platform)
    assert (letter.kind, letter.attempts, letter.payload["method"]) == ("send", 5, "answerCallbackQuery")
    assert left() == 0


def test_an_answer_that_may_have_arrived_is_not_repeated_for_a_bot_that_wants_nothing_twice(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], send_all: Callable[[], None]
) -> None:
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).uncertain_policy = UncertainPolicy.AT_MOST_ONCE
    sandbox.fault("reset", method="answerCallbackQuery", applied=True, count=2)
    answer(platform, bot, tap(sandbox, bot, people[0]))
    send_all()
    assert sandbox.calls("answerCallbackQuery") == 1
    [letter] = letters(platform)
    assert letter.is_uncertain
    assert not platform.redis.exists(keys.outbox_flying(bot.id))


def test_attempts_and_journal_tell_an_answer_from_the_reply_of_the_same_moment(
    platform: Platform, bot: Bot
) -> None:
    call = '{"method":"sendMessage","params":{}}'
    for priority in ("answer", "reply"):
        platform.redis.xadd(keys.outbox(bot.id, priority), {"chat": "5", "call": call}, id="1-1")
    platform.redis.hset(keys.outbox_attempts(bot.id), "0:1-1", "3")
    platform.redis.hset(keys.outbox_flying(bot.id), "0:1-1", "1")  # as releases without answers wrote it
    store = OutboxStore(
        platform.redis,
        SharedReads(platform.blocking_redis, ProcessPace(0.0), count=READ_AT_ONCE),
        platform.vault,
        Limits.of(platform.settings),
        bot.id % 8,
    )
    store.load([bot.id])
    messages, _ = store.read([(bot.id, 0), (bot.id, 1)], 0.1)
    found = {message.rank: (message.attempts, message.was_in_flight) for message in messages}
    assert found == {0: (0, False), 1: (3, True)}


@pytest.mark.parametrize(
    ("method", "params", "slot"),
    [
        ("answerCallbackQuery", {"callback_query_id": "7"}, ("answer", "answer:7")),
        ("answerPreCheckoutQuery", {"pre_checkout_query_id": "8", "ok": True}, ("answer", "answer:8")),
        ("answerShippingQuery", {"shipping_query_id": "9", "ok": True}, ("answer", "answer:9")),
        ("answerInlineQuery", {"inline_query_id": "10", "results": []}, ("answer", "answer:10")),
        ("sendMessage", {"chat_id": 5}, ("bulk", "5")),
        ("getMe", {}, ("bulk", "5")),
    ],
)
def test_only_answers_to_people_who_look_on_have_the_class(
    method: str, params: dict[str, Any], slot: tuple[str, str]
) -> None:
    assert slot_of(method, params, "bulk", "5") == slot


def letters(platform: Platform) -> list[DeadLetter]:
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))
