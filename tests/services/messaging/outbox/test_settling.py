"""What was sent is settled, also where Redis is full or the stay ends by an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from redis import RedisError

from models import Bot
from services.messaging.outbox.pacing import Limits
from services.messaging.outbox.store import READ_AT_ONCE, OutboxStore
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.process_pace import ProcessPace
from services.queueing.shared_reads import SharedReads
from tests.services.messaging.draining import QUICK_SENDING, senders, shard_of
from tests.services.messaging.outbox.conftest import Put
from tools.servers.sandbox import Sandbox, wait_until


def test_a_full_redis_lets_go_of_what_is_settled(
    platform: Platform, bot: Bot, people: list[int], put: Put
) -> None:
    put(people[0], "sent")
    limits, shard = Limits.of(platform.settings), shard_of(platform, bot)
    reads = SharedReads(platform.blocking_redis, ProcessPace(0.001), count=READ_AT_ONCE)
    store = OutboxStore(platform.redis, reads, platform.vault, limits, shard)
    store.load(store.begin())
    [waiting], _ = store.read([(bot.id, rank) for rank in range(len(keys.OUTBOX_PRIORITIES))], 1.0)
    waiting.counted_at = time.time()
    platform.redis.config_set("maxmemory", 1)
    try:
        store.settle([waiting])
    finally:
        platform.redis.config_set("maxmemory", 0)
    assert platform.redis.xlen(keys.outbox(bot.id, "reply")) == 0
    assert not platform.redis.exists(keys.outbox_sent(shard)), "what it had no room for"


def test_a_stay_that_ends_by_an_error_takes_nothing_up_any_more(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(40):
        for person in people:
            put(person, str(number))
    sandbox.fault("delay", method="sendMessage", seconds=0.1)
    loads = []
    load = OutboxStore.load

    def away(store: OutboxStore, bots: Collection[int]) -> Any:
        loads.append(bots)
        if len(loads) == 3:
            wait_until(lambda: sandbox.sent(bot.username, "sendMessage"))
            raise RedisError("away")
        return load(store, bots)

    monkeypatch.setattr(OutboxStore, "load", away)
    unpaced = {"pacing_chat_per_second": 1000.0, "pacing_chat_burst": 1000}
    quick = Platform(platform.settings.model_copy(update=unpaced))
    senders(quick, replace(QUICK_SENDING, shutdown_timeout=0.5)).send_shard(shard_of(platform, bot))
    sent = len(sandbox.sent(bot.username, "sendMessage"))
    left = platform.redis.xlen(keys.outbox(bot.id, "reply"))
    assert 0 < sent < 160
    assert sent + left == 160, "all that was sent is settled"
    wait_until(
        lambda: not any(thread.name == f"send-{shard_of(platform, bot)}" for thread in threading.enumerate())
    )
