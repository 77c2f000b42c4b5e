"""The sending limits hold from one stay of a drain to the next, and from a sender that was killed to its successor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from models import Bot
from plugins.effects import Priority
from services.core.settings import Settings
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.pacing import Limits, Pacing
from services.messaging.outbox.send_history import records_of, restore
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import QUICK_SENDING, senders
from tests.services.messaging.outbox.conftest import Put
from tools.servers.sandbox import Sandbox, wait_until

Step = Callable[..., None]
LIMITS = Limits(bot_per_second=30, chat_per_second=1, chat_burst=3, group_per_minute=20)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Groups get three a minute."""
    return settings.model_copy(update={"pacing_group_per_minute": 3.0})


@pytest.fixture
def group(platform: Platform, sandbox: Sandbox, bot: Bot) -> int:
    """A group of the bot with five messages waiting for it."""
    chat = int(sandbox.post("/groups", {"title": "group", "bots": [bot.username]})["group"]["id"])
    for number in range(5):
        call = {"chat_id": chat, "text": f"{number}"}
        enqueue_call(platform, bot.id, "sendMessage", call, Priority.REPLY)
    return chat


def to_group(sandbox: Sandbox, bot: Bot, group: int) -> list[str]:
    return [each["text"] for each in sandbox.sent(bot.username, "sendMessage") if each["chat_id"] == group]


def test_a_groups_window_survives_the_leaving_of_the_drain(
    platform: Platform, sandbox: Sandbox, bot: Bot, group: int, people: list[int], put: Put, send_all: Step
) -> None:
    for number in range(3):
        put(people[number], "elsewhere")
        send_all()
        assert not platform.redis.exists(keys.lease(f"outbox:{bot.id % platform.settings.update_lanes}"))
    assert to_group(sandbox, bot, group) == ["0", "1", "2"]
    assert 0 < platform.redis.ttl(keys.outbox_sent(bot.id % platform.settings.update_lanes)) <= 62


def test_a_groups_window_survives_the_death_of_its_sender(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    group: int,
    people: list[int],
    put: Put,
    left: Callable[[], int],
) -> None:
    staying = replace(QUICK_SENDING, idle_timeout=30.0)
    shard = bot.id % platform.settings.update_lanes
    stopping = threading.Event()
    threads = [
        threading.Thread(target=senders(platform, staying, stopping).send_shard, args=(shard,), daemon=True)
        for _ in range(2)
    ]
    threads[0].start()
    wait_until(lambda: left() == 2)
    platform.redis.delete(keys.lease(f"outbox:{shard}"))  # as that of a dead one
    threads[1].start()
    put(people[0], "elsewhere")
    wait_until(lambda: left() == 2)
    stopping.set()
    for thread in threads:
        thread.join(30)
    assert to_group(sandbox, bot, group) == ["0", "1", "2"]


def test_the_buckets_of_a_private_chat_and_the_bot_go_on_where_they_were() -> None:
    first, second = Pacing(LIMITS), Pacing(LIMITS)
    for _ in range(3):
        first.take(1, "5", 100.0)
    restore(second, [(1, "5", 1000.0)] * 3, now=0.5, epoch=1000.5)
    assert first.chat_ready_at(1, "5", 100.5) - 100.5 == pytest.approx(
        second.chat_ready_at(1, "5", 0.5) - 0.5
    )
    assert second.chat_ready_at(1, "6", 0.5) == 0.5
    restore(second, [(2, str(chat), 1000.0) for chat in range(30)], now=0.5, epoch=1000.0)
    assert second.bot_ready_at(1, 0.5) == 0.5
    assert second.bot_ready_at(2, 0.5) > 0.5


def test_records_of_a_clock_ahead_of_ours_count_from_now() -> None:
    pacing = Pacing(LIMITS)
    restore(pacing, [(1, "-5", 2000.0)] * 20, now=10.0, epoch=1000.0)
    assert 69.9 < pacing.chat_ready_at(1, "-5", 10.0) < 70.1


def test_a_record_names_bot_chat_and_moment() -> None:
    members = [f"{int(time.time() * 1000)}:7:0:1700000000000-1:-100", "5000:8:a:1-0:@a:b"]
    assert records_of(members)[0] == (8, "@a:b", 5.0)
    assert records_of(members)[1][:2] == (7, "-100")
