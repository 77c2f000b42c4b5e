"""When a message that may have arrived is sent once more."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from launch.ports import free_port
from models import Bot
from services.core.errors import NeverSent
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.repetition import Repetitions
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.outbox.sending import Disposition, Sender
from services.platform.platform import Platform
from tests.services.messaging.draining import QUICK_SENDING, letters
from tests.services.messaging.outbox.conftest import Put
from tools.servers.sandbox import Sandbox

Step = Callable[..., None]


@pytest.fixture
def texts(sandbox: Sandbox, bot: Bot) -> Callable[[], list[str]]:
    """What the bot has sent."""
    return lambda: [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]


def test_it_waits_until_telegram_answers_again(
    platform: Platform,
    sandbox: Sandbox,
    people: list[int],
    put: Put,
    send_all: Step,
    texts: Callable[[], list[str]],
) -> None:
    sandbox.fault("reset", applied=True, method="sendMessage", count=1)
    sandbox.fault("reset", count=2)
    put(people[0], "perhaps")
    put(people[0], "after")
    send_all()
    assert texts() == ["perhaps", "perhaps", "after"]
    assert sandbox.calls("getMe") == 3
    assert letters(platform) == []


@pytest.mark.parametrize("status", [401, 403, 429])
def test_any_word_of_telegram_is_an_answer(
    platform: Platform,
    sandbox: Sandbox,
    people: list[int],
    put: Put,
    send_all: Step,
    texts: Callable[[], list[str]],
    status: int,
) -> None:
    sandbox.fault("reset", applied=True, method="sendMessage", count=1)
    sandbox.fault("status", status=status, method="getMe")
    put(people[0], "perhaps")
    send_all()
    assert texts() == ["perhaps", "perhaps"]
    assert sandbox.calls("getMe") == 1
    assert letters(platform) == []


def test_one_look_holds_for_all_messages_of_its_bot(platform: Platform, sandbox: Sandbox) -> None:
    one, other = (sandbox.create_bot()["token"] for _ in range(2))
    repetitions = Repetitions(platform.telegram)
    sandbox.fault("status", status=502, method="getMe", count=1)
    assert isinstance(repetitions.reason_to_wait(1, one), NeverSent)
    assert isinstance(repetitions.reason_to_wait(1, one), NeverSent)
    assert repetitions.reason_to_wait(2, other) is None
    assert sandbox.calls("getMe") == 2


def test_who_comes_while_telegram_is_asked_waits_and_does_not_ask(
    platform: Platform, sandbox: Sandbox
) -> None:
    token = sandbox.create_bot()["token"]
    repetitions = Repetitions(platform.telegram)
    sandbox.fault("delay", seconds=2, method="getMe")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: repetitions.reason_to_wait(1, token), range(2)))
    assert [type(answer) for answer in answers if answer is not None] == [NeverSent]
    assert sandbox.calls("getMe") == 1


def test_a_refused_repetition_tells_nothing_about_the_first_send(
    platform: Platform, sandbox: Sandbox, people: list[int], put: Put, send_all: Step
) -> None:
    sandbox.fault("reset", applied=True, method="sendMessage", count=1)
    sandbox.fault("status", status=400, description="Bad Request: strange", method="sendMessage", count=1)
    put(people[0], "perhaps")
    send_all()
    [letter] = letters(platform)
    assert letter.is_uncertain


def test_what_could_not_be_repeated_for_a_day_may_have_arrived_all_the_same(
    platform: Platform, bot: Bot, people: list[int]
) -> None:
    call = {"method": "sendMessage", "params": {"chat_id": people[0], "text": "x"}}
    waiting = OutboxMessage("1-0", bot.id, str(people[0]), 1, "request", json.dumps(call), uncertain=1)
    nobody = platform.settings.model_copy(update={"telegram_api_url": f"http://127.0.0.1:{free_port()}"})
    foreign = Platform(nobody)
    sender = Sender(foreign, foreign.telegram, SenderCache(foreign), QUICK_SENDING)
    assert sender.send(waiting, lambda *_: True).after is Disposition.SETTLED
    [letter] = letters(platform)
    assert letter.is_uncertain
