"""Calls that take long hold up neither the others of their shard nor the end of a stay, and no bot is overlooked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from models import Bot
from plugins.effects import Priority
from services.core.settings import Settings
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import QUICK_SENDING, shard_of
from tests.services.messaging.outbox.conftest import Put
from tests.services.messaging.outbox.test_outbox_consumer import Step, texts
from tools.servers.fleet import add_bot, working
from tools.servers.sandbox import Sandbox, wait_until


def test_a_send_that_outlasts_its_stay_is_not_sent_again(
    sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step, left: Callable[[], int]
) -> None:
    sandbox.fault("delay", chat_id=people[0], seconds=2.5, count=1)
    put(people[0], "slow")
    for _ in range(2):
        send_all(replace(QUICK_SENDING, max_stay=2.0, shutdown_timeout=0.2))
    assert texts(sandbox, bot) == [(people[0], "slow")]
    assert left() == 0


def test_a_bot_whose_calls_are_slow_leaves_room_for_the_others_of_its_shard(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot, people: list[int], put: Put
) -> None:
    narrow = Platform(settings.model_copy(update={"send_concurrency": 4}))
    other = add_bot(platform, sandbox.create_bot())
    while shard_of(platform, other) != shard_of(platform, bot):
        other = add_bot(platform, sandbox.create_bot())
    user = int(sandbox.create_user()["id"])
    sandbox.start(user, other.username)
    for slow in people:
        sandbox.fault("delay", chat_id=slow, seconds=5.0, count=1)
        put(slow, "slow")
    with working(narrow):
        time.sleep(0.5)
        enqueue_call(platform, other.id, "sendMessage", {"chat_id": user, "text": "quick"}, Priority.REPLY)
        wait_until(lambda: texts(sandbox, other) == [(user, "quick")])
        assert texts(sandbox, bot) == []
        wait_until(lambda: len(texts(sandbox, bot)) == 4)


def test_a_bot_whose_wake_was_not_read_is_found_when_the_shard_is_to_be_left(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stream of wakes keeps the last thousand: who reads it late misses some."""
    with working(platform, sending=QUICK_SENDING):
        wait_until(lambda: platform.redis.exists(keys.lease(f"outbox:{shard_of(platform, bot)}")))
        with monkeypatch.context() as unread:
            unread.setattr(keys, "outbox_wake", lambda shard: f"test:unread:{shard}")
            put(people[0], "found")
        wait_until(lambda: texts(sandbox, bot) == [(people[0], "found")])
