"""What was sent is settled, also where Redis is full or the stay ends by an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
from redis import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from models import Bot
from plugins.effects import Priority
from services.messaging.outbox import settler
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.pacing import Limits
from services.messaging.outbox.store import READ_AT_ONCE, OutboxStore
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.platform.redis.lease_renewer import HeldLease
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


@pytest.mark.parametrize(
    ("then", "step"), [(None, (OutboxStore, "settle")), ({"reply": "r1"}, (settler, "hand_over"))]
)
def test_what_was_sent_is_settled_also_after_its_shard_was_lost_to_a_silent_redis(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    left: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    then: dict[str, str] | None,
    step: tuple[Any, str],
) -> None:
    shard, held, over = shard_of(platform, bot), list[HeldLease](), threading.Event()
    take, settle = platform.leases.take, getattr(*step)

    def remembered(name: str, **options: Any) -> HeldLease | None:
        if lease := take(name, **options):
            held.append(lease)
        return lease

    def silent(*arguments: Any) -> Any:
        if over.is_set():
            return settle(*arguments)
        held[0].lost()
        raise RedisTimeoutError("no answer")

    monkeypatch.setattr(platform.leases, "take", remembered)
    monkeypatch.setattr(*step, silent)
    call = {"chat_id": people[0], "text": "once"}
    enqueue_call(platform, bot.id, "sendMessage", call, Priority.REPLY, then=then)
    senders(platform).send_shard(shard)
    assert left() == 1
    over.set()
    wait_until(lambda: left() == 0)
    platform.redis.delete(keys.lease(f"outbox:{shard}"))
    senders(platform).send_shard(shard)
    assert len(sandbox.sent(bot.username, "sendMessage")) == 1
    assert bool(platform.redis.exists(work_keys.reply(bot.id, "r1"))) is bool(then)
