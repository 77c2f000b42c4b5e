"""Redis away: redirects go on, every click is spooled once and found again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from redis import Redis, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from services.core.errors import Unavailable
from services.fleet.pools.fields import PoolChange
from services.fleet.pools.pools import delete_pool, update_pool
from services.fleet.pools.snapshot import STORE, publish, repair
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Kind
from services.traffic.clicks.spool import Spool
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted


class Killed(BaseException):
    """The end of a process, as far as its own code can see it."""


class Outage:
    """Makes every command of these clients fail, and counts the attempts."""

    def __init__(self, patch: pytest.MonkeyPatch, *clients: Redis) -> None:
        self.attempts = 0

        def fail(*_: object, **__: object) -> None:
            self.attempts += 1
            raise RedisConnectionError("away")

        for client in clients:
            patch.setattr(client, "execute_command", fail)


def test_with_redis_away_clicks_go_on_evenly_and_are_counted_afterwards(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 3)
    road = unstarted(platform)
    with monkeypatch.context() as patch:
        outage = Outage(patch, road.redis)
        outcomes = [click(road) for _ in range(30)]
        assert outage.attempts == 1  # nobody waits for a Redis that is known to be away
        with pytest.raises(RedisError):
            road.recorder.take_up_again()
    spread = Counter(outcome.location.partition("?")[0] for outcome in outcomes)
    assert sorted(spread.values()) == [10, 10, 10]
    assert road.recorder.redis_is_away
    road.recorder.take_up_again()
    assert not road.recorder.redis_is_away
    click(road)
    assert flush(platform) == 31
    assert list((platform.settings.data_dir / "spool").iterdir()) == []
    publish(platform, [pool.id])


def test_with_redis_away_the_limit_holds_within_the_process(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_pool(platform, new_account(platform), "red1", 1, rate_limit_per_minute=3)
    road = unstarted(platform)
    monkeypatch.setattr("services.traffic.clicks.redirect.time.time", lambda: 1_800_000_000.0)
    Outage(monkeypatch, road.redis)
    kinds = [click(road).kind for _ in range(5)]
    assert kinds == [Kind.BOT] * 3 + [Kind.LIMITED] * 2


def test_a_replay_that_dies_half_way_counts_nothing_twice(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    with monkeypatch.context() as patch:
        Outage(patch, road.redis)
        for _ in range(5):
            click(road)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", _die)
        with pytest.raises(Killed):
            road.recorder.take_up_again()
    road.recorder.take_up_again()
    assert platform.redis.xlen(keys.click_stream()) == 10
    assert flush(platform) == 5


def test_clicks_of_a_killed_process_are_replayed_by_another_and_not_before_its_death(
    platform: Platform, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom services.traffic.clicks.spool import Spool\n"
        "Spool(Path(sys.argv[1])).append([{'d': 'x', 'n': '0', 'o': '0'}] * 7)\nprint('down', flush=True)\ntime.sleep(60)"
    )
    root = Path(__file__).resolve().parents[4]
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(spool)], stdout=subprocess.PIPE, cwd=root, env={**os.environ}
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"down\n"
    assert Spool(spool).replay(platform.redis) == 0
    child.kill()
    child.wait()
    child.stdout.close()
    assert Spool(spool).replay(platform.redis) == 7
    assert platform.redis.xlen(keys.click_stream()) == 7


def test_a_torn_last_line_does_not_stop_a_replay(platform: Platform, tmp_path: Path) -> None:
    whole = json.dumps({"d": "x", "n": "0", "o": "0"})
    (tmp_path / "1-1.jsonl").write_text(f'{whole}\n{{"d": "to')
    assert Spool(tmp_path).replay(platform.redis) == 1


def test_a_process_that_starts_without_redis_reads_the_pools_from_the_database_or_the_last_copy(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_pool(platform, new_account(platform), "red1", 2)
    unstarted(platform)  # leaves a copy in DATA_DIR
    Outage(monkeypatch, platform.redis)
    from_database = unstarted(platform)
    Outage(monkeypatch, from_database.redis)
    assert click(from_database).kind is Kind.BOT
    monkeypatch.setattr("services.fleet.pools.pool_cache.read_pools", _raise_unavailable)
    from_copy = unstarted(platform)
    Outage(monkeypatch, from_copy.redis)
    assert click(from_copy).kind is Kind.BOT


def test_an_emptied_redis_is_filled_again_from_the_database(platform: Platform) -> None:
    new_pool(platform, new_account(platform), "red1", 2)
    road = unstarted(platform)
    platform.redis.flushall()
    road.book.refresh()
    assert click(road).kind is Kind.BOT
    assert platform.redis.hlen(keys.pool_snapshot()) == 1


def test_a_change_made_while_redis_was_away_is_repaired_and_nothing_else_is_published(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_account(platform)
    pool, same = new_pool(platform, owner, "red1", 1), new_pool(platform, owner, "red2", 1)
    gone = new_pool(platform, owner, "red3", 1)
    with monkeypatch.context() as patch:
        Outage(patch, platform.redis)
        update_pool(platform, owner, pool.id, PoolChange(is_active=False))
        delete_pool(platform, owner, gone.id)
    road = unstarted(platform)
    assert click(road).kind is Kind.BOT
    assert repair(platform) == [pool.id, gone.id]
    assert repair(platform) == []
    road.book.refresh()
    assert click(road).kind is Kind.UNAVAILABLE
    assert click(road, "red3").kind is Kind.UNKNOWN
    assert click(road, same.slug).kind is Kind.BOT


def test_of_two_publishers_the_one_that_read_later_stays_whoever_writes_last(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    late = platform.redis.hget(keys.pool_snapshot(), str(pool.id))
    publish(platform, [pool.id])
    fresh = platform.redis.hget(keys.pool_snapshot(), str(pool.id))
    assert late
    assert fresh
    version = str(json.loads(str(late))["version"])
    assert STORE(platform.redis, [keys.pool_snapshot()], [pool.id, version, str(late)]) == 0
    assert platform.redis.hget(keys.pool_snapshot(), str(pool.id)) == fresh


def _die(*_: object, **__: object) -> None:
    raise Killed


def _raise_unavailable(*_: object, **__: object) -> None:
    raise Unavailable("The database does not answer")


def test_a_spool_entry_that_cannot_be_read_stops_neither_the_others_nor_the_thread(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    new_pool(platform, new_account(platform), "red1", 2)
    road = unstarted(platform)
    folder = platform.settings.data_dir / "spool"
    (folder / "0-unreadable.jsonl").mkdir(parents=True)
    with monkeypatch.context() as patch:
        Outage(patch, road.redis)
        click(road)
    road.recorder.start()
    try:
        deadline = time.monotonic() + 30
        while sum(path.is_file() for path in folder.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not road.recorder.redis_is_away
        assert flush(platform) == 1
        with monkeypatch.context() as patch:
            Outage(patch, road.redis)
            click(road)
            assert road.recorder.redis_is_away
        while road.recorder.redis_is_away and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not road.recorder.redis_is_away, "the thread lives and takes Redis up again"
    finally:
        road.recorder.stop()
    told = [record for record in caplog.records if record.message == "spooled clicks cannot be replayed"]
    assert len(told) == 1, "told once and not twice a second"
