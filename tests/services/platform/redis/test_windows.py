"""Fixed windows of requests: in Redis, in memory while it is away, and in Redis again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from launch.ports import free_port
from services.platform.platform import Platform
from services.platform.redis import keys, windows
from services.platform.redis.windows import FixedWindows, ProcessMemory
from tests.conftest import settings_for
from tools.servers.valkey import running_valkey


def test_processes_share_a_window_which_begins_with_the_first_use(platform: Platform) -> None:
    one, other = FixedWindows(platform.redis), FixedWindows(platform.redis)
    first = one.count("a", 60)
    time.sleep(0.3)
    second = other.count("a", 60)
    assert (first.count, second.count, one.count("b", 60).count) == (1, 2, 1)
    assert 0 < platform.redis.pttl(keys.request_window("a")) <= 59_700
    assert first.ends_at == pytest.approx(time.time() + 60, abs=5)


def test_a_window_that_has_ended_counts_anew(platform: Platform) -> None:
    counts = FixedWindows(platform.redis)
    counts.count("a", 60, 5)
    platform.redis.pexpire(keys.request_window("a"), 1)
    time.sleep(0.01)
    assert counts.look("a").count == 0
    assert counts.count("a", 60).count == 1


def test_no_use_is_lost_among_threads(platform: Platform) -> None:
    counts = FixedWindows(platform.redis)
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: counts.count("a", 60).count, range(100)))
    assert sorted(seen) == list(range(1, 101))


def test_uses_can_be_taken_back_looked_at_and_forgotten(platform: Platform) -> None:
    counts = FixedWindows(platform.redis)
    counts.count("a", 60, 3)
    assert counts.count("a", 60, -1).count == counts.look("a").count == 2
    counts.clear("a")
    assert counts.look("a").count == 0


def test_while_redis_is_away_memory_counts_and_redis_again_once_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with running_valkey(tmp_path, port) as url:
        platform = Platform(settings_for(tmp_path, redis_url=url))
        counts = FixedWindows(platform.redis, retry_seconds=0.2)
        assert [counts.count("a", 60).count for _ in range(3)] == [1, 2, 3]
    assert [counts.count("a", 60).count for _ in range(3)] == [1, 2, 3]
    assert counts.look("a").count == 3
    assert counts.count("a", 60, -1).count == 2
    counts.clear("a")
    assert counts.look("a").count == 0
    with running_valkey(tmp_path, port):
        time.sleep(0.3)
        assert counts.count("a", 60).count == 1
        assert platform.redis.get(keys.request_window("a")) == "1"
    platform.redis.close()
    # asyncio may speak of what an earlier test left, whenever memory is tidied.
    ours = [record for record in caplog.records if record.name.startswith("services.")]
    assert [record.message.partition(":")[0] for record in ours] == [
        "requests are counted in this process only",
        "requests are counted in Redis again",
    ]


def test_a_redis_that_is_away_is_not_asked_by_every_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = Platform(settings_for(tmp_path, redis_url="redis://127.0.0.1:1/0")).redis
    asked: list[float] = []
    pipeline = redis.pipeline

    def ask() -> Any:
        asked.append(time.monotonic())
        return pipeline()

    monkeypatch.setattr(redis, "pipeline", ask)
    counts = FixedWindows(redis, retry_seconds=0.2)
    deadline = time.monotonic() + 0.7
    while time.monotonic() < deadline:
        counts.count("a", 60)
    assert 2 <= len(asked) <= 4


def test_memory_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_NAMES", 3)
    memory = ProcessMemory()
    for name in "abcdefgh":
        memory.incr(name, 60)
        memory.acquire_entry(name, 1, 60)
    assert len(memory.storage) + len(memory.events) <= 3 + 1


def test_memory_slides_where_it_is_asked_to() -> None:
    memory = ProcessMemory()
    assert [memory.acquire_entry("a", 2, 1) for _ in range(3)] == [True, True, False]
    time.sleep(1.01)
    assert memory.acquire_entry("a", 2, 1)
