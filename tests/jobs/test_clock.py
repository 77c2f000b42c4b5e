"""The clock: one leads, another takes over, nothing ticks twice, and it ends when told."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.schedule import LEASE_SECONDS, Tick, lead, run_tick, start_scheduler, ticks, watch_sweeps
from services.core.errors import Unavailable
from services.platform.platform import Platform
from services.platform.redis import keys, lease_renewer
from services.platform.redis.jobs import JobName, JobQueue
from services.queueing.heartbeats import processes
from tools.servers.forked import ForkedProcess
from tools.servers.sandbox import wait_until
from tools.servers.valkey import running_valkey

Start = Callable[[Platform], ForkedProcess]


@pytest.fixture
def start_clock(tmp_path: Path) -> Iterator[Start]:
    """Starts clock processes on a platform; whatever still runs is killed afterwards."""
    started: list[ForkedProcess] = []

    def start(platform: Platform) -> ForkedProcess:
        settings = platform.settings
        environment = {
            **os.environ,
            "APP_ENV": "test",
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "HEALTH_INTERVAL_SECONDS": "1",
        }
        clock = ForkedProcess(("-m", "jobs.clock"), environment)
        started.append(clock)
        return clock

    yield start
    for clock in started:
        if clock.poll() is None:
            clock.send_signal(signal.SIGCONT)
            clock.kill()
            clock.wait(20)


def leaders(platform: Platform) -> list[str]:
    return [process.name for process in processes(platform) if process.figures.get("leads")]


def lease_of(platform: Platform) -> str | None:
    held = platform.redis.get(keys.lease("clock"))
    return None if held is None else str(held)


def queued(platform: Platform) -> list[str]:
    ids: list[Any] = platform.job_redis.lrange(f"rq:queue:{JobQueue.DEFAULT}", 0, -1)
    return [str(platform.job_redis.hget(f"rq:job:{job.decode()}", "description")) for job in ids]


def test_the_clock_rings_and_ends_at_once_when_told_even_twice(
    platform: Platform, start_clock: Start
) -> None:
    clock = start_clock(platform)
    wait_until(lambda: any(str(JobName.SWEEP_HEALTH) in job for job in queued(platform)), seconds=20)
    assert [process.service for process in processes(platform)] == ["clock"]
    clock.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    clock.send_signal(signal.SIGTERM)
    assert clock.wait(30) == 0
    assert lease_of(platform) is None, "the next clock need not wait"
    assert processes(platform) == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
def test_a_second_clock_takes_over_within_fifteen_seconds(
    platform: Platform, start_clock: Start, end: signal.Signals
) -> None:
    first = start_clock(platform)
    held = wait_until(lambda: lease_of(platform), seconds=20)
    second = start_clock(platform)
    wait_until(lambda: len(processes(platform)) == 2, seconds=20)
    first.send_signal(end)
    ended = time.monotonic()
    wait_until(lambda: lease_of(platform) not in (None, held), seconds=30)
    assert time.monotonic() - ended < 15
    wait_until(lambda: any(name.endswith(f":{second.pid}") for name in leaders(platform)))
    second.terminate()
    assert second.wait(20) == 0


def test_the_clock_ends_in_time_even_while_redis_hangs(
    platform: Platform, start_clock: Start, server_folder: Path
) -> None:
    folder = server_folder / "valkey-that-hangs"
    folder.mkdir()
    with running_valkey(folder) as url:
        hanging = Platform(platform.settings.model_copy(update={"redis_url": url}))
        clock = start_clock(hanging)
        wait_until(lambda: lease_of(hanging), seconds=20)
        server = int(hanging.redis.info("server")["process_id"])
        os.kill(server, signal.SIGSTOP)
        try:
            time.sleep(1.5)  # ticks hang by now
            clock.terminate()
            assert clock.wait(30) == 0, "what a platform waits before it kills"
        finally:
            os.kill(server, signal.SIGCONT)


def test_the_clock_outlives_a_missing_redis(platform: Platform) -> None:
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    leadership = lead(away)
    assert not leadership.acquire()
    assert not leadership.holds


def test_only_one_of_two_leads(platform: Platform) -> None:
    one, two = lead(platform), lead(platform)
    one.acquire()
    two.acquire()
    assert (one.holds, two.holds) == (True, False)
    one.release()
    two.acquire()
    assert (one.holds, two.holds) == (False, True)


def test_a_leader_that_slept_through_its_lease_ticks_no_more(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[str] = []
    one, two = lead(platform), lead(platform)
    one.acquire()
    tick = Tick("bell", 1, lambda _: rung.append("one"))
    assert run_tick(platform, one, tick)
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + LEASE_SECONDS, sleep=time.sleep)
    monkeypatch.setattr(lease_renewer, "time", later)  # one slept
    platform.redis.delete(keys.lease("clock"))  # its time is over too
    assert two.acquire()
    assert not run_tick(platform, one, tick)
    assert rung == ["one"]
    assert not one.acquire()


def test_two_schedulers_make_each_tick_once(platform: Platform) -> None:
    rung: list[int] = []

    def ring(number: int, _: Platform) -> None:
        rung.append(number)

    pair = [lead(platform), lead(platform)]
    for leadership in pair:
        leadership.acquire()
    schedulers = [
        start_scheduler(platform, leadership, [Tick("bell", 0.1, partial(ring, number))])
        for number, leadership in enumerate(pair)
    ]
    wait_until(lambda: len(rung) >= 5)
    for scheduler in schedulers:
        scheduler.shutdown(wait=False)  # type: ignore[no-untyped-call]
    assert set(rung) == {0}


def test_a_tick_that_fails_is_made_again(platform: Platform) -> None:
    def fail(_: Platform) -> None:
        raise Unavailable("not now")

    leadership = lead(platform)
    leadership.acquire()
    done = threading.Event()
    scheduler = start_scheduler(
        platform, leadership, [Tick("broken", 0.05, fail), Tick("whole", 0.2, lambda _: done.set())]
    )
    assert done.wait(20)
    assert not run_tick(platform, leadership, Tick("broken", 1, fail))
    scheduler.shutdown(wait=False)  # type: ignore[no-untyped-call]


def test_every_tick_of_the_timetable_rings(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    leadership = lead(platform)
    leadership.acquire()
    assert {tick.name: run_tick(platform, leadership, tick) for tick in ticks(platform)} == {
        "sweep_health": True,
        "look_at_clicked": True,
        "judge_members": True,
        "flush_clicks": True,
        "ring_waiting": True,
        "reconcile_bots": True,
        "repair_pools": True,
        "delete_expired": True,
        "back_up": True,
        "remind_of_rotation": True,
        "watch_sweeps": True,
        "deliver_notifications": True,
        "send_postbacks": True,
        "import_spend": True,
        "replay_dead_letters": True,
        "ring_timers": True,
        "run_broadcasts": True,
        "change_people": True,
        "forget_people": True,
        "count_pool_days": True,
        "sample_queues": True,
    }
    assert "no health sweep was ever made" in caplog.text
    platform.redis.set(keys.sweep_report(), '{"at": 0}')
    watch_sweeps(platform)
    assert "is a worker running?" in caplog.records[-1].getMessage()
