"""What becomes of a message whose outcome is unclear, while other parts fail as well."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis import RedisError

from models import Bot, UncertainPolicy
from services.alerts.dead_letters.store import store
from services.core.errors import NeverSent, Unavailable
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.outbox.sending import Disposition, Sender
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.telegram.client import TelegramClient
from tests.services.messaging.draining import QUICK_SENDING, letters, senders, shard_of
from tests.services.messaging.outbox.conftest import Put
from tools.servers.broken import answering, http
from tools.servers.sandbox import Sandbox, wait_until

Step = Callable[..., None]


@pytest.fixture
def careful(platform: Platform, bot: Bot) -> Bot:
    """The bot, now one that sends nothing twice."""
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).uncertain_policy = UncertainPolicy.AT_MOST_ONCE
    return bot


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The database takes no dead letter for the first three times; counts the attempts."""
    asked: list[int] = []

    def away(*args: Any, **details: Any) -> str:
        asked.append(1)
        if len(asked) <= 3:
            raise Unavailable("on order")
        return store(*args, **details)

    monkeypatch.setattr("services.messaging.outbox.message_letters.store", away)
    return asked


def texts(sandbox: Sandbox, bot: Bot) -> list[str]:
    return [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]


def test_at_most_once_is_sent_once_while_the_database_takes_no_dead_letter(
    platform: Platform,
    sandbox: Sandbox,
    careful: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    refusing: list[int],
) -> None:
    sandbox.fault("reset", applied=True, method="sendMessage", count=1)
    put(people[0], "perhaps")
    put(people[0], "after")
    send_all(replace(QUICK_SENDING, database_pause=0.05))
    assert texts(sandbox, careful) == ["perhaps", "after"]
    assert len(refusing) == 4
    [letter] = letters(platform)
    assert letter.is_uncertain
    assert not platform.redis.exists(keys.outbox_flying(careful.id), keys.outbox_attempts(careful.id))


def test_at_least_once_is_repeated_once_while_the_database_takes_no_dead_letter(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    refusing: list[int],
) -> None:
    sandbox.fault("reset", applied=True, method="sendMessage", count=9, chat_id=people[0])
    put(people[0], "perhaps")
    send_all(replace(QUICK_SENDING, database_pause=0.05))
    assert texts(sandbox, bot) == ["perhaps", "perhaps"]
    assert len(refusing) == 4
    assert len(letters(platform)) == 1


def test_a_decided_send_stays_on_record_for_whoever_takes_over(
    platform: Platform,
    sandbox: Sandbox,
    careful: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: Any, **__: Any) -> str:
        raise Unavailable("on order")

    with monkeypatch.context() as patch:
        patch.setattr("services.messaging.outbox.message_letters.store", away)
        sandbox.fault("reset", applied=True, method="sendMessage", count=1)
        put(people[0], "perhaps")
        stopping = threading.Event()
        thread = threading.Thread(
            target=senders(platform, stopping=stopping).send_shard, args=(shard_of(platform, careful),)
        )
        thread.start()
        wait_until(lambda: platform.redis.exists(keys.outbox_attempts(careful.id)) == 1)
        stopping.set()
        thread.join(30)
    send_all()
    assert texts(sandbox, careful) == ["perhaps"]
    assert len(letters(platform)) == 1


def test_never_sent_and_failed_attempts_use_up_no_repeat_of_an_uncertain_one(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    sandbox.fault("status", status=500, method="sendMessage", count=4)
    sandbox.fault("reset", applied=True, method="sendMessage", count=1)
    put(people[0], "stubborn")
    send_all()
    assert texts(sandbox, bot)[-1] == "stubborn"
    assert letters(platform) == []
    assert not platform.redis.exists(keys.outbox_attempts(bot.id))


def test_a_server_that_could_not_be_reached_uses_up_no_attempt(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused: list[int] = []
    call = TelegramClient.call

    def at_first_refused(self: TelegramClient, *args: Any, **details: Any) -> Any:
        refused.append(1)
        if len(refused) <= 6:
            raise NeverSent("on order")
        return call(self, *args, **details)

    monkeypatch.setattr(TelegramClient, "call", at_first_refused)
    sandbox.fault("status", status=502, method="sendMessage", count=1)
    put(people[0], "patient")
    send_all()
    assert texts(sandbox, bot) == ["patient"]
    assert letters(platform) == []


@pytest.mark.parametrize(("policy", "arrivals"), [("at_least_once", 2), ("at_most_once", 1)])
def test_an_answer_that_is_none_of_the_bot_api_is_uncertain(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    policy: str,
    arrivals: int,
) -> None:
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).uncertain_policy = UncertainPolicy(policy)
    sandbox.fault("garbage", applied=True, method="sendMessage", count=9)
    put(people[0], "perhaps")
    send_all()
    assert texts(sandbox, bot) == ["perhaps"] * arrivals
    assert sandbox.calls("getMe") == arrivals - 1, "what is not repeated asks nothing"
    [letter] = letters(platform)
    assert letter.is_uncertain


def test_a_broadcasts_message_that_may_have_arrived_is_not_repeated_whatever_its_bot_wants(
    platform: Platform, bot: Bot, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = {"method": "sendMessage", "params": {"chat_id": people[0], "text": "x"}, "then": {"broadcast": 1}}
    waiting = OutboxMessage("1-0", bot.id, str(people[0]), 2, "request", json.dumps(call))
    with answering(http(b"no word of the Bot API", status="503 Service Unavailable")) as url:
        foreign = Platform(platform.settings.model_copy(update={"telegram_api_url": url}))
        sender = Sender(foreign, foreign.telegram, SenderCache(foreign), QUICK_SENDING)
        result = sender.send(waiting, lambda *_: True)
    assert result.after is Disposition.SETTLED
    assert (waiting.answer or {})["uncertain"]


def test_an_error_nobody_foresaw_ends_as_a_dead_letter_and_the_chat_goes_on(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = TelegramClient.call

    def broken(self: TelegramClient, token: str, method: str, params: Any, **details: Any) -> Any:
        if params["text"] == "odd":
            raise LookupError("on order")
        return call(self, token, method, params, **details)

    monkeypatch.setattr(TelegramClient, "call", broken)
    put(people[0], "odd")
    put(people[0], "next")
    send_all()
    assert texts(sandbox, bot) == ["next"]
    [letter] = letters(platform)
    assert ("LookupError" in letter.error, letter.attempts) == (True, 5)


def test_a_bot_whose_token_cannot_be_opened_waits_and_goes_on_once_it_can(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    left: Callable[[], int],
) -> None:
    timings = replace(QUICK_SENDING, token_pause=1.5)
    with platform.database.transaction() as session:
        row = session.get_one(Bot, bot.id)
        sealed, row.sealed_token = row.sealed_token, "unreadable"
    put(people[0], "first")
    send_all(timings)
    assert left() == 1
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).sealed_token = sealed
    put(people[1], "second")

    def nothing_left() -> bool:
        send_all(timings)
        return left() == 0

    wait_until(nothing_left)
    assert sorted(texts(sandbox, bot)) == ["first", "second"]
    assert letters(platform) == []


def test_an_entry_that_is_no_call_is_a_dead_letter(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    put(people[0], "first")
    platform.redis.xadd(keys.outbox(bot.id, "reply"), {"chat": str(people[0]), "request": "r", "call": "{"})
    put(people[0], "last")
    send_all()
    assert texts(sandbox, bot) == ["first", "last"]
    assert len(letters(platform)) == 1


def test_a_429_pauses_the_bot_though_its_record_cannot_be_written(
    platform: Platform,
    sandbox: Sandbox,
    careful: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> None:
        raise RedisError("on order")

    monkeypatch.setattr("services.messaging.outbox.journal.Journal.clear", away)
    sandbox.fault("429", retry_after=4, method="sendMessage", count=2)
    put(people[0], "a")
    put(people[1], "b")
    send_all()
    flooded = time.monotonic()
    put(people[2], "c")  # nobody has told its chat to wait, only its bot
    send_all()
    assert (sandbox.calls("sendMessage"), texts(sandbox, careful)) == (2, [])
    assert time.monotonic() - flooded < 3, "too slow a machine to see the pause"

    def going_on() -> list[str]:
        send_all()
        return texts(sandbox, careful)

    wait_until(going_on)
    assert texts(sandbox, careful) == [
        "c"
    ]  # the other two stayed on record, and were parked for the operator
    assert len(letters(platform)) == 2
