"""Signs of life."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.process_identity import process_identity
from services.queueing.heartbeats import Heartbeats, beat, farewell, process_name, processes
from tools.servers.sandbox import wait_until


def test_a_process_is_seen_with_its_figures_until_it_says_goodbye(platform: Platform) -> None:
    beat(platform, "poller@here:3", {"bots": 5})
    (seen,) = processes(platform)
    assert (seen.name, seen.service, seen.figures, seen.is_alive) == (
        "poller@here:3",
        "poller",
        {"bots": 5},
        True,
    )
    farewell(platform, "poller@here:3")
    assert processes(platform) == []


def test_a_silent_process_counts_as_dead_and_is_then_forgotten(platform: Platform) -> None:
    beat(platform, "worker@here:3")
    body = json.loads(str(platform.redis.get(keys.heartbeat("worker@here:3"))))
    platform.redis.set(keys.heartbeat("worker@here:3"), json.dumps({**body, "at": time.time() - 20}), ex=60)
    assert not processes(platform)[0].is_alive
    platform.redis.zadd(keys.processes(), {"worker@here:3": time.time() - 61})
    beat(platform, "clock@here:1")
    assert [process.name for process in processes(platform)] == ["clock@here:1"]
    assert platform.redis.zcard(keys.processes()) == 1


def test_machines_whose_clocks_disagree_do_not_strike_each_other_off(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time()
    for name, hours in (
        ("worker@here:1", 0),
        ("clock@ahead:1", 3),
        ("poller@behind:1", -3),
        ("web@here:2", 0),
    ):
        monkeypatch.setattr("time.time", lambda hours=hours: right + hours * 3600)
        beat(platform, name)
    assert {process.name for process in processes(platform) if process.is_alive} == {
        "worker@here:1",
        "clock@ahead:1",
        "poller@behind:1",
        "web@here:2",
    }


def test_the_dead_of_this_machine_are_not_listed(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["true"]) as ended:
        machine, _, start = process_identity().split(".")
    beat(platform, "worker@here:1")
    monkeypatch.setattr(
        "services.queueing.heartbeats.process_identity", lambda: f"{machine}.{ended.pid}.{start}"
    )
    beat(platform, "worker@here:2")
    assert [process.name for process in processes(platform)] == ["worker@here:1"]


def test_heartbeats_begin_at_once_and_end_with_a_goodbye(platform: Platform) -> None:
    heartbeats = Heartbeats(platform, "worker", lambda: {"jobs": 2})
    heartbeats.start()
    seen = wait_until(lambda: processes(platform), seconds=30)
    assert seen[0].figures == {"jobs": 2}
    heartbeats.stop()
    assert processes(platform) == []


def test_who_replaces_a_process_takes_it_off_the_list_also_when_redis_was_away_at_first(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, tries = process_name("worker", 5), list[str]()

    def fails_at_first(platform: Platform, process: str) -> None:
        tries.append(process)
        if len(tries) == 1:
            raise RedisConnectionError
        farewell(platform, process)

    beat(platform, former)
    monkeypatch.setattr("services.queueing.heartbeats.farewell", fails_at_first)
    heartbeats = Heartbeats(platform, "worker", former=5)
    heartbeats.start()
    wait_until(lambda: tries, seconds=30)
    heartbeats.beat_now()
    wait_until(lambda: [each.name for each in processes(platform)] == [heartbeats.process], seconds=30)
    [before] = processes(platform)
    heartbeats.beat_now()
    wait_until(lambda: processes(platform)[0].at > before.at, seconds=30)
    heartbeats.stop()
    assert tries == [former, former, heartbeats.process]
