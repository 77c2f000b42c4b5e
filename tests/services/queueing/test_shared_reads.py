"""Readers of a process that is late read less often and together, and as before once it has time again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from launch.ports import free_port
from services.platform.platform import Platform
from services.queueing import shared_reads
from services.queueing.process_pace import LONGEST_SECONDS, ProcessPace
from services.queueing.shared_reads import SharedReads
from tools.servers.sandbox import wait_until


class SlowClock:
    """Time that only sleeping moves, and by `late` seconds more than was asked for."""

    def __init__(self) -> None:
        self.now, self.late = 100.0, 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SlowClock:
    clock = SlowClock()
    monkeypatch.setattr(shared_reads, "time", clock)
    return clock


def rested(pace: ProcessPace, clock: SlowClock) -> float:
    """For how long it meant to wait, in seconds."""
    began = clock.now
    pace.rest()
    return clock.now - began - clock.late


def test_a_process_that_has_time_reads_at_the_shortest_interval(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    assert [rested(pace, clock) for _ in range(3)] == pytest.approx([0.006] * 3)


def test_the_later_it_wakes_the_longer_it_waits_but_never_for_long(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    clock.late = 0.005
    rested(pace, clock)
    assert rested(pace, clock) == pytest.approx(0.02)
    clock.late = 3.0
    rested(pace, clock)
    assert rested(pace, clock) == pytest.approx(LONGEST_SECONDS)


def test_it_goes_back_bit_by_bit_once_it_wakes_in_time(clock: SlowClock) -> None:
    pace = ProcessPace(0.006)
    clock.late = 0.01
    rested(pace, clock)
    assert pace.is_late
    clock.late = 0.0
    waits = [rested(pace, clock) for _ in range(30)]
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] == pytest.approx(0.006)
    assert not pace.is_late


def test_on_the_real_clock_it_waits_at_least_as_long_as_it_is_told() -> None:
    pace, began = ProcessPace(0.01), time.monotonic()
    for _ in range(3):
        pace.rest()
    assert time.monotonic() - began >= 0.03


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


def calls_of(platform: Platform, command: str) -> int:
    stats: dict[str, dict[str, int]] = platform.redis.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


def test_readers_of_a_late_process_share_a_round_trip_and_each_gets_its_own(platform: Platform) -> None:
    pace = LatePace()
    reads = SharedReads(platform.blocking_redis, pace, count=10)
    streams = [f"test:stream:{number}" for number in range(3)]
    for number, stream in enumerate(streams):
        platform.redis.xadd(stream, {"of": number})
    before = calls_of(platform, "xread")
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(reads.read, {each: "0"}, block_seconds=5, pause=True) for each in streams]
        answers = [each.result() for each in asked]
    assert [list(answer) for answer in answers] == [[stream] for stream in streams]
    assert [answer[stream][0][1] for answer, stream in zip(answers, streams, strict=True)] == [
        {"of": str(number)} for number in range(3)
    ]
    assert (calls_of(platform, "xread") - before, pace.rests) == (1, 1)


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
