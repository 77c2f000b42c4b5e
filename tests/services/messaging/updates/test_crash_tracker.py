"""Who is held to have killed a process: only what was alone on record when it died, twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import RedisError

from models import Bot
from services.messaging.updates.crash_tracker import ALONE, CrashTracker, SharedQuarantine
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import QUICK, consumers
from tools.servers.fleet import accept_all, message, stream


def test_a_mark_that_redis_would_not_take_back_counts_for_nothing_while_its_process_lives(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.redis.hset(keys.update_suspects(0), "held", "the dead")
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    waiting = QueuedUpdate("1-1", 1, "1", "request", "{}")
    shared = SharedQuarantine()
    first = CrashTracker(platform.redis, 0, shared)
    first.begin("token")

    def away(*_: object) -> None:
        raise RedisError("away")

    with pytest.raises(RedisError), first.on_record(waiting):
        monkeypatch.setattr(first, "record", away)
    other_process, same_process = (
        CrashTracker(platform.redis, 0, each) for each in (SharedQuarantine(), shared)
    )
    other_process.begin("token")
    assert other_process.marks == {"1-1": ALONE}, "it may have died of it"
    same_process.begin("token")
    assert same_process.marks == {"1-1": 0}
    assert platform.redis.hget(keys.update_suspects(0), "1-1") == "0"


def test_a_mark_that_two_stays_of_a_process_take_back_at_once_is_taken_back_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.redis.hset(keys.update_suspects(0), "held", "the dead")
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    shared = SharedQuarantine()
    leaving, coming = (CrashTracker(platform.redis, 0, shared) for _ in range(2))
    leaving.begin("token")
    stay = leaving.on_record(QueuedUpdate("1-1", 1, "1", "request", "{}"))
    stay.__enter__()
    record = CrashTracker.record

    def meanwhile(tracker: CrashTracker, entries: list[str], marks: int) -> None:
        monkeypatch.setattr(CrashTracker, "record", record)
        stay.__exit__(None, None, None)  # the other one leaves while this one waits for Redis
        tracker.record(entries, marks)

    monkeypatch.setattr(CrashTracker, "record", meanwhile)
    coming.begin("token")
    assert coming.marks == {"1-1": 0}
    assert platform.redis.hget(keys.update_suspects(0), "1-1") == "0"


def test_what_a_process_died_of_once_runs_alone_however_long_the_recovery_takes(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    accept_all(platform, bot, [message(1, 1, "known"), message(2, 1, "unknown")])
    name = keys.update_suspects(lane)
    [known, unknown] = [entry for entry, _ in stream(platform, keys.update_lane(lane))]
    platform.redis.hset(name, mapping={"held": "the dead", known: ALONE})
    on_record: dict[str, object] = {}

    def handle(_: UpdateProcessor, waiting: QueuedUpdate) -> HandlerResult:
        on_record[waiting.entry_id] = platform.redis.hget(name, waiting.entry_id)
        return EMPTY_RESULT

    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    consumers(platform, replace(QUICK, isolation=0.0)).consume(lane)
    assert on_record == {known: str(2 * ALONE), unknown: None}
