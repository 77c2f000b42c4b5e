"""Old and new code in the same lanes and outboxes: what a release cannot read it leaves to the one that can."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from models import Bot
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.updates.intake import Intake
from services.platform.platform import Platform
from services.platform.redis import keys, schema_version
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import consumers, letters, senders, shard_of
from tools.servers.fleet import add_bot, message, stream
from tools.servers.sandbox import Sandbox, wait_until

LONG_AGO = "1700000000000-0"  # the id of an entry, whose first half is its moment


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    """An echo bot."""
    return add_bot(platform, sandbox.create_bot(strict=False))


def put_update(
    platform: Platform, bot: Bot, update_id: int, chat: int, text: str, entry_id: str = "*", **fields: str
) -> None:
    """As intake does, with the fields of another release; "" leaves one out."""
    update = json.dumps(message(update_id, chat, text), separators=(",", ":"))
    entry = {"bot": str(bot.id), "chat": str(chat), "request": f"r{update_id}", "update": update, **fields}
    lane = lane_of(bot.id, str(chat), platform.settings.update_lanes)
    known: dict[Any, Any] = {name: value for name, value in entry.items() if value}
    platform.redis.xadd(keys.update_lane(lane), known, id=entry_id)


@contextmanager
def draining(platform: Platform) -> Iterator[None]:
    """A worker at all lanes until the block ends."""
    stopping = threading.Event()
    inbound = consumers(platform, stopping=stopping)
    threads = [
        threading.Thread(target=inbound.consume, args=(lane,))
        for lane in range(platform.settings.update_lanes)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)


def replies(platform: Platform, bot: Bot, chat: int) -> list[str]:
    """What waits in the bot's outbox for the chat."""
    calls = [json.loads(fields["call"]) for _, fields in stream(platform, keys.outbox(bot.id, "reply"))]
    return [call["params"]["text"] for call in calls if call["params"]["chat_id"] == chat]


def waiting(platform: Platform) -> int:
    return sum(platform.redis.xlen(keys.update_lane(lane)) for lane in range(platform.settings.update_lanes))


def test_an_update_of_a_newer_release_waits_for_it_with_its_chat_and_nobody_else(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_update(platform, bot, 1, 5, "first", v="2", update="not what this release writes")
    put_update(platform, bot, 2, 5, "second")
    put_update(platform, bot, 3, 6, "other")
    with draining(platform):
        wait_until(lambda: replies(platform, bot, 6) == ["other"])
        assert waiting(platform) == 2
    assert replies(platform, bot, 5) == []
    platform.redis.delete(*(keys.update_lane(n) for n in range(platform.settings.update_lanes)))
    put_update(platform, bot, 4, 5, "first", v="2")
    put_update(platform, bot, 5, 5, "second")
    monkeypatch.setattr(schema_version, "VERSION", 2)
    with draining(platform):
        wait_until(lambda: waiting(platform) == 0)
    assert replies(platform, bot, 5) == ["first", "second"]
    assert letters(platform) == []


def test_an_update_that_no_newer_release_came_for_is_a_dead_letter_and_its_chat_goes_on(
    platform: Platform, bot: Bot
) -> None:
    put_update(platform, bot, 1, 5, "first", LONG_AGO, v="2", update="")
    put_update(platform, bot, 2, 5, "second")
    with draining(platform):
        wait_until(lambda: waiting(platform) == 0)
    assert replies(platform, bot, 5) == ["second"]
    [letter] = letters(platform)
    assert (letter.kind, letter.sealed_payload) == ("update", "")
    assert "newer release" in letter.error


def test_an_update_of_a_former_release_without_a_later_field_is_handled(platform: Platform, bot: Bot) -> None:
    put_update(platform, bot, 1, 5, "first", request="")
    with draining(platform):
        wait_until(lambda: waiting(platform) == 0)
    assert replies(platform, bot, 5) == ["first"]


def test_an_update_taken_in_by_this_release_is_in_its_own_version(platform: Platform, bot: Bot) -> None:
    Intake(platform).accept(bot.id, message(1, 5, "hello"))
    lane = lane_of(bot.id, "5", platform.settings.update_lanes)
    [(_, fields)] = stream(platform, keys.update_lane(lane))
    assert not schema_version.is_newer(fields)


def test_a_message_of_a_newer_release_waits_for_it_and_other_chats_are_served(
    platform: Platform, sandbox: Sandbox, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [int(sandbox.create_user()["id"]) for _ in range(2)]
    for user in users:
        sandbox.start(user, bot.username)
    call = json.dumps({"method": "sendMessage", "params": {"chat_id": users[0], "text": "newer"}})
    newer: dict[Any, Any] = {"chat": str(users[0]), "request": "r", "call": call, "v": "2"}
    platform.redis.xadd(keys.outbox(bot.id, "bulk"), newer)
    enqueue_call(platform, bot.id, "sendMessage", {"chat_id": users[0], "text": "behind it"})
    enqueue_call(platform, bot.id, "sendMessage", {"chat_id": users[1], "text": "other"})
    senders(platform).send_shard(shard_of(platform, bot))
    assert [each["text"] for each in sandbox.sent(bot.username, "sendMessage")] == ["other"]
    monkeypatch.setattr(schema_version, "VERSION", 2)
    senders(platform).send_shard(shard_of(platform, bot))
    texts = [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]
    assert texts == ["other", "newer", "behind it"]
    assert letters(platform) == []
