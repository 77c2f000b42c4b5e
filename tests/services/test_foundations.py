"""The ground everything stands on: schema, sessions, group commit, leases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from models import Account
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis.changes import ChangeListener, Topic, announce
from services.platform.redis.group_commit import GroupCommit
from services.platform.redis.leases import Lease
from services.queueing.memory_guard import MemoryGuard


@pytest.mark.data
def test_the_migrations_bring_an_empty_database_to_the_newest_schema(platform: Platform) -> None:
    assert not schema.is_behind(platform.database)


@pytest.mark.data
def test_a_transaction_that_fails_leaves_nothing_behind(platform: Platform) -> None:
    with pytest.raises(ZeroDivisionError), platform.database.transaction() as session:
        session.add(Account(email="a@b.c", password_hash="x"))
        session.flush()
        _ = 1 / 0
    with platform.database.reading() as session:
        assert session.scalars(select(Account)).all() == []


@pytest.mark.data
def test_writers_wait_for_each_other(platform: Platform) -> None:
    def write(number: int) -> None:
        with platform.database.transaction() as session:
            session.add(Account(email=f"{number}@b.c", password_hash="x"))
            session.flush()
            time.sleep(0.01)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    with platform.database.reading() as session:
        assert len(session.scalars(select(Account)).all()) == 16


def test_group_commit_gives_each_caller_its_own_answer_in_few_batches() -> None:
    batches: list[int] = []

    def write(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        time.sleep(0.02)
        return [item * 2 for item in items]

    commit = GroupCommit(write)
    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(commit.submit, range(200))) == [item * 2 for item in range(200)]
    assert sum(batches) == 200
    assert len(batches) < 100


def test_group_commit_hands_the_error_of_a_batch_to_all_its_callers_and_goes_on() -> None:
    def write(items: Sequence[int]) -> Sequence[int]:
        if 13 in items:
            raise ConnectionError("gone")
        return items

    commit = GroupCommit(write)
    with pytest.raises(ConnectionError):
        commit.submit(13)
    assert commit.submit(1) == 1


def test_a_lease_has_one_holder_and_a_lost_lease_is_noticed(platform: Platform) -> None:
    first = Lease.take(platform.redis, "x", ttl_seconds=5)
    assert first is not None
    assert Lease.take(platform.redis, "x", ttl_seconds=5) is None
    assert first.renew()
    first.release()
    second = Lease.take(platform.redis, "x", ttl_seconds=5)
    assert second is not None
    assert not first.renew()
    first.release()
    assert second.renew()


def test_a_change_reaches_a_listener_in_well_under_a_second(platform: Platform) -> None:
    seen: list[tuple[Topic, int]] = []
    heard = threading.Event()

    def on_change(topic: Topic, identity: int) -> None:
        seen.append((topic, identity))
        if topic is Topic.POOL:
            heard.set()

    listener = ChangeListener(platform.redis, platform.blocking_redis, on_change)
    listener.start()
    while (Topic.ANY, 0) not in seen:
        time.sleep(0.01)
    announce(platform.redis, Topic.POOL, 7)
    assert heard.wait(10)
    listener.stop()
    assert (Topic.POOL, 7) in seen


def test_parts_that_listen_share_one_listener_and_each_hears_every_change(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[str, list[tuple[Topic, int]]] = {"early": [], "late": []}

    def early(*change: Any) -> None:
        heard["early"].append(change)

    def late(*change: Any) -> None:
        heard["late"].append(change)

    started: list[ChangeListener] = []
    start = ChangeListener.start

    def counted(listener: ChangeListener) -> None:
        started.append(listener)
        start(listener)

    monkeypatch.setattr(ChangeListener, "start", counted)
    platform.changes.subscribe(early)
    _wait_for(lambda: (Topic.ANY, 0) in heard["early"])
    platform.changes.subscribe(late)
    assert heard["late"] == [(Topic.ANY, 0)]  # it may have missed something until now
    assert len(started) == 1
    announce(platform.redis, Topic.POOL, 7)
    _wait_for(lambda: all((Topic.POOL, 7) in changes for changes in heard.values()))
    platform.changes.unsubscribe(late)
    announce(platform.redis, Topic.BOT, 8)
    _wait_for(lambda: (Topic.BOT, 8) in heard["early"])
    assert (Topic.BOT, 8) not in heard["late"]
    platform.changes.unsubscribe(early)
    assert started[0]._stopped.is_set()


def test_redis_memory_is_asked_with_the_generation_once_somebody_wants_it(platform: Platform) -> None:
    guard = MemoryGuard(platform.redis, platform.changes.memory)
    assert not guard.is_full(), "nobody looks yet: it asks itself"

    def nothing(*_: Any) -> None:
        pass

    platform.changes.subscribe(nothing)
    _wait_for(lambda: platform.changes.memory.younger_than(0.5) is not None)
    asked = _calls_of_info(platform)
    platform.changes.memory.note({"used_memory": 95, "maxmemory": 100})
    assert (guard.is_full(), guard.is_low()) == (True, True), "what was seen last counts"
    assert _calls_of_info(platform) - asked <= 2, "the counting, and perhaps the next look"
    platform.changes.unsubscribe(nothing)
    assert platform.changes.memory.younger_than(0.0) is None


def _calls_of_info(platform: Platform) -> int:
    return int(platform.redis.info("commandstats")["cmdstat_info"]["calls"])


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
