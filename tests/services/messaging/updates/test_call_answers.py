"""A plugin is told what Telegram answered to a call of its own, once for each time that it was sent."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from models import Bot
from services.core.settings import Settings
from services.messaging.outbox import settler
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.handing_over import hand_over
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import HeldLease
from tests.services.messaging.draining import handle_all, letters, send_all, senders, shard_of
from tests.services.messaging.updates import asking_plugins
from tools.servers.fleet import (
    Plugins,
    accept_all,
    add_bot,
    message,
    reconciling,
    stream,
    worker_process,
    working,
)
from tools.servers.sandbox import Sandbox, wait_until

ASKING: Plugins = (("listening", {}), ("asking", {}))
WORKER = ("-c", f"import jobs.worker, {asking_plugins.__name__}; jobs.worker.main()")


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    """A bot whose plugins ask for answers."""
    return add_bot(platform, sandbox.create_bot(strict=False), ASKING)


@pytest.fixture
def user(sandbox: Sandbox, bot: Bot) -> int:
    """Somebody who opened a chat with it."""
    person = int(sandbox.create_user()["id"])
    sandbox.start(person, bot.username)
    return person


def texts(sandbox: Sandbox, bot: Bot, method: str = "sendMessage") -> list[str]:
    return [each["text"] for each in sandbox.sent(bot.username, method)]


def answers(platform: Platform, bot: Bot) -> int:
    return int(BotDatabase(platform.database, bot.id, "asking").get("answers", 0))


def in_lanes(platform: Platform) -> list[dict[str, str]]:
    lanes = range(platform.settings.update_lanes)
    return [fields for lane in lanes for _, fields in stream(platform, keys.update_lane(lane))]


def test_an_answer_comes_back_and_what_it_says_can_be_used(
    platform: Platform, sandbox: Sandbox, bot: Bot, user: int
) -> None:
    with working(platform):
        accept_all(platform, bot, [message(1, user, "/ask now")])
        wait_until(lambda: texts(sandbox, bot, "editMessageText"))
        accept_all(platform, bot, [message(2, user, "/astray")])
        wait_until(lambda: len(texts(sandbox, bot)) == 2)
    assert texts(sandbox, bot, "editMessageText") == ["edited after /ask now"]
    assert texts(sandbox, bot) == ["one", "Ana: 400 Bad Request: chat not found"]
    assert letters(platform) == []


def test_an_answer_without_a_route_is_nobodys_and_another_plugins_is_not_heard(
    platform: Platform, sandbox: Sandbox, bot: Bot, user: int
) -> None:
    accept_all(platform, bot, [message(1, user, "/lost"), message(2, user, "/ask")])
    handle_all(platform)
    send_all(platform, bot)
    assert len(in_lanes(platform)) == 2
    handle_all(platform)
    send_all(platform, bot)
    assert texts(sandbox, bot) == ["one", "one"]
    assert answers(platform, bot) == 1


def test_a_repeated_handing_over_brings_one_answer(platform: Platform, bot: Bot, user: int) -> None:
    """As after Redis has answered too late, or by a holder that slept through its lease."""
    accept_all(platform, bot, [message(1, user, "/ask")])
    handle_all(platform)
    [(entry_id, fields)] = stream(platform, keys.outbox(bot.id, "reply"))
    sent = OutboxMessage(entry_id, bot.id, fields["chat"], 1, fields["request"], fields["call"])
    sent.note_answer({"ok": True, "result": {"message_id": 3}})
    for _ in range(2):
        hand_over(platform.redis, platform.vault, [sent], platform.settings.update_lanes)
    [answer] = in_lanes(platform)
    update = json.loads(answer["update"])
    assert (answer["chat"], update["call_answered"]["result"]) == (str(user), {"message_id": 3})
    assert update["update_id"] < 0
    assert stream(platform, keys.outbox(bot.id, "reply")) == []


def test_an_update_of_that_name_from_outside_is_no_answer(platform: Platform, bot: Bot, user: int) -> None:
    content: dict[str, Any] = {"name": "sent", "plugin": "asking", "method": "sendMessage", "ok": False}
    forged = {"update_id": 1, "call_answered": {**content, "address": {"chat_id": user}}}
    accept_all(platform, bot, [forged])
    handle_all(platform)
    assert answers(platform, bot) == 0
    assert stream(platform, keys.outbox(bot.id, "reply")) == []


def test_a_full_redis_takes_answers_later_and_what_nobody_waits_for_is_deleted_meanwhile(
    platform: Platform, sandbox: Sandbox, bot: Bot, user: int, monkeypatch: pytest.MonkeyPatch
) -> None:

    def full(*arguments: Any) -> list[int]:
        if stream(platform, keys.outbox(bot.id, "bulk")):
            raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")
        return hand_over(*arguments)

    monkeypatch.setattr(settler, "hand_over", full)
    accept_all(platform, bot, [message(1, user, "/ask")])
    handle_all(platform)
    other = int(sandbox.create_user()["id"])  # a chat waits behind its answer
    sandbox.start(other, bot.username)
    enqueue_call(platform, bot.id, "sendMessage", {"chat_id": other, "text": "plain"})
    send_all(platform, bot)
    assert sorted(texts(sandbox, bot)) == ["one", "plain"]
    assert stream(platform, keys.outbox(bot.id, "reply")) == []
    assert len(in_lanes(platform)) == 1


def test_an_answer_that_was_not_handed_over_when_the_shard_was_lost_is_handed_over_afterwards(
    platform: Platform, sandbox: Sandbox, bot: Bot, user: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept_all(platform, bot, [message(1, user, "/ask")])
    handle_all(platform)
    take, held, back = platform.leases.take, list[HeldLease](), threading.Event()

    def remembered(name: str, **options: Any) -> HeldLease | None:
        if lease := take(name, **options):
            held.append(lease)
        return lease

    def away(*arguments: Any) -> list[int]:
        if back.is_set():
            return hand_over(*arguments)
        held[0].lost()
        raise RedisConnectionError("away")

    monkeypatch.setattr(platform.leases, "take", remembered)
    monkeypatch.setattr(settler, "hand_over", away)
    senders(platform).send_shard(shard_of(platform, bot))
    assert len(stream(platform, keys.outbox(bot.id, "reply"))) == 1
    assert in_lanes(platform) == []
    back.set()
    wait_until(lambda: not stream(platform, keys.outbox(bot.id, "reply")))
    platform.redis.delete(*(keys.lease(f"outbox:{shard}") for shard in range(platform.settings.update_lanes)))
    send_all(platform, bot)
    assert texts(sandbox, bot) == ["one"]
    assert len(in_lanes(platform)) == 1


def test_a_worker_that_dies_after_sending_sends_again_and_tells_of_one_of_both(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot, user: int
) -> None:
    accept_all(platform, bot, [message(1, user, "/ask")])
    with reconciling(platform), worker_process(settings, WORKER, CRASH_AT="send.after_http") as worker:
        assert worker.process.wait(30) == -signal.SIGKILL
    with reconciling(platform), worker_process(settings, WORKER):
        wait_until(lambda: texts(sandbox, bot, "editMessageText"), seconds=60)
    assert texts(sandbox, bot) == ["one", "one"]
    assert answers(platform, bot) == 1
