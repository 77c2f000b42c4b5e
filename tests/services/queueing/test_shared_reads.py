"""Readers of a process that is late read together."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from launch.ports import free_port
from services.platform.platform import Platform
from services.platform.redis import streams
from services.queueing.process_pace import ProcessPace
from services.queueing.shared_reads import SharedReads
from tools.servers.sandbox import wait_until


class LatePace(ProcessPace):
    """Of a process that has no time; it counts who rests."""

    def __init__(self) -> None:
        super().__init__(0.006)
        self.rests = 0

    @property
    def is_late(self) -> bool:
        return True

    def rest(self) -> None:
        self.rests += 1
        time.sleep(1)  # the others submit meanwhile


def test_readers_of_a_late_process_share_a_round_trip_and_each_gets_its_own(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = LatePace()
    reads = SharedReads(platform.blocking_redis, pace, count=10)
    names = [f"test:stream:{number}" for number in range(3)]
    for number, stream in enumerate(names):
        platform.redis.xadd(stream, {"of": number})
    # Not what the server counts: a former test's last read may still be waiting there.
    read = Mock(wraps=streams.read)
    monkeypatch.setattr(streams, "read", read)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(reads.read, {each: "0"}, block_seconds=5, pause=True) for each in names]
        answers = [each.result() for each in asked]
    assert [list(answer) for answer in answers] == [[stream] for stream in names]
    assert [answer[stream][0][1] for answer, stream in zip(answers, names, strict=True)] == [
        {"of": str(number)} for number in range(3)
    ]
    assert (read.call_count, pace.rests) == (1, 1)


def test_two_stays_in_one_stream_each_read_after_their_own_cursor(platform: Platform) -> None:
    reads = SharedReads(platform.blocking_redis, LatePace(), count=10)
    for number in ("1-1", "2-1"):
        platform.redis.xadd("test:lane", {"a": "b"}, id=number)
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(reads.read, {"test:lane": cursor}, block_seconds=5, pause=True)
            for cursor in ("1-1", "0")
        ]
        answers = [[entry for entry, _ in each.result()["test:lane"]] for each in asked]
    assert answers == [["2-1"], ["1-1", "2-1"]]


def test_a_late_process_waits_for_nothing_when_it_reads_again(platform: Platform) -> None:
    reads = SharedReads(platform.blocking_redis, LatePace(), count=10)
    began = time.monotonic()
    assert reads.read({"test:nothing": "0"}, block_seconds=20, pause=True) == {}
    assert time.monotonic() - began < 10


def test_whoever_found_nothing_waits_alone_for_what_comes(platform: Platform) -> None:
    pace = LatePace()
    reads = SharedReads(platform.blocking_redis, pace, count=10)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(reads.read, {"test:stream": "0"}, block_seconds=20, pause=False)
        wait_until(lambda: int(platform.redis.info("clients")["blocked_clients"]) > 0)
        platform.redis.xadd("test:stream", {"a": "b"})
        assert list(asked.result(10)) == ["test:stream"]
    assert pace.rests == 0


def test_a_lost_redis_is_told_to_each_reader(platform: Platform) -> None:
    reads = SharedReads(Redis(port=free_port(), retry=Retry(NoBackoff(), 0)), LatePace(), count=10)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(reads.read, {f"test:{at}": "0"}, block_seconds=1, pause=True) for at in range(2)]
        for each in asked:
            with pytest.raises(RedisError):
                each.result(10)
