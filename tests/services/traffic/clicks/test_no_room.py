"""Clicks with no room in Redis, on the disk, or in either: every visitor goes on, and what is lost is counted and told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import Counter
from redis import RedisError, ResponseError
from redis.exceptions import OutOfMemoryError
from sqlalchemy import select

from models import Account, Click, Notification
from services.core.metrics import CLICKS_LOST, CLICKS_SPOOLED
from services.operations.readiness import readiness
from services.operations.storage import EXTENSION
from services.operations.storage_watchdog import notify_of_storage
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing import memory_guard
from services.traffic.clicks import lost, spool
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Kind
from services.traffic.clicks.spool import Spool
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted
from tools.servers.small_disk import fill, small_disk
from tools.servers.valkey import running_valkey

DISK_BYTES = 24 * 2**20
PATIENCE_SECONDS = 60
ENTRY = {"d": "x" * 200, "n": "0", "o": "0", "s": "1"}


@pytest.fixture
def bounded(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Sets Redis' maxmemory so that such a share of it is used; 0 = no maxmemory. Every look is a fresh one."""
    monkeypatch.setattr(memory_guard, "CHECK_INTERVAL_SECONDS", 0.0)

    def bound(share: float) -> None:
        used = int(platform.redis.info("memory")["used_memory"])
        platform.redis.config_set("maxmemory", int(used / share) if share else 0)

    yield bound
    platform.redis.config_set("maxmemory", 0)


def total(counter: Counter) -> float:
    return next(sample.value for family in counter.collect() for sample in family.samples)


def test_at_redis_limit_every_click_is_redirected_spooled_and_found_again(
    platform: Platform, bounded: Callable[[float], None]
) -> None:
    new_pool(platform, new_account(platform), "red1", 3)
    road, spooled = unstarted(platform), total(CLICKS_SPOOLED)
    platform.redis.config_set("maxmemory", 1)
    with pytest.raises(OutOfMemoryError):
        platform.redis.set("x", "y")
    assert {click(road).kind for _ in range(20)} == {Kind.BOT}
    assert total(CLICKS_SPOOLED) == spooled + 20
    for _ in range(2):  # a full Redis answers PING; it is not taken for one that is back
        road.recorder.take_up_again()
        assert road.recorder.redis_is_away
    assert platform.redis.xlen(keys.click_stream()) == 0
    bounded(0)
    road.recorder.take_up_again()
    assert flush(platform) == 20


def test_clicks_leave_the_last_tenth_of_redis_to_the_work_that_empties_it_and_come_back_below_eighty_percent(
    platform: Platform, bounded: Callable[[float], None]
) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    road = unstarted(platform)
    bounded(0.95)
    road.recorder.take_up_again()
    click(road)
    assert platform.redis.xlen(keys.click_stream()) == 0, "there would have been room for it"
    bounded(0.85)
    road.recorder.take_up_again()
    click(road)
    assert platform.redis.xlen(keys.click_stream()) == 1, "the new one; the spool waits for more room"
    bounded(0.5)
    road.recorder.take_up_again()
    assert platform.redis.xlen(keys.click_stream()) == 2


def test_a_large_spool_comes_back_in_pieces_as_there_is_room(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "LARGEST_FILE", 1_000)
    waiting = Spool(tmp_path / "pieces")
    for _ in range(15):  # 233 bytes each
        waiting.append([ENTRY])
    waiting.seal()
    assert len(list((tmp_path / "pieces").iterdir())) == 3
    rooms = iter([True, False])
    assert waiting.replay(platform.redis, lambda: next(rooms)) == 5
    assert waiting.replay(platform.redis) == 10


@dataclass(frozen=True)
class House:
    """An installation whose SQLite, Valkey and spool share one small disk."""

    platform: Platform
    disk: Path

    def takes_writes(self) -> bool:
        """Whether Valkey does; its append-only file grows by it."""
        try:
            self.platform.redis.set("x", "y" * 5_000)
        except ResponseError:
            return False
        return True

    def codes(self, *, fatal: bool) -> set[str]:
        """What readiness says now."""
        self.platform.app.extensions.pop(EXTENSION, None)  # the look of five seconds ago
        return {each.code for each in readiness(self.platform).findings if each.fatal is fatal}


def said(caplog: pytest.LogCaptureFixture) -> list[int]:
    """How many lost clicks each line of the log speaks of."""
    return [record.__dict__["clicks"] for record in caplog.records if record.name == lost.__name__]


def until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def house(platform: Platform, server_folder: Path) -> Iterator[House]:
    """Skipped where no disk can be mounted."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(server_folder / "small", DISK_BYTES))
        except OSError as error:
            pytest.skip(f"no small disk on this machine: {error}")
        url = stack.enter_context(running_valkey(disk))
        changed = {"data_dir": disk, "redis_url": url, "database_url": f"sqlite:///{disk}/flotilla.db"}
        own = Platform(platform.settings.model_copy(update={**changed, "disk_free_mb": 4}))
        stack.callback(own.database.dispose)
        own.redis.config_set("appendonly", "yes")
        persistence = partial(own.redis.info, "persistence")
        until(lambda: not persistence()["aof_rewrite_in_progress"], "the first append-only file")
        schema.upgrade(own)
        yield House(own, disk)


def test_on_a_full_disk_visitors_go_on_readiness_says_no_and_the_owner_is_told_what_was_lost(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    new_pool(house.platform, new_account(house.platform), "red1", 2)
    road = unstarted(house.platform)
    click(road)
    road.recorder.take_up_again()  # as twice a second, with nothing to say
    assert house.codes(fatal=True) == set()
    assert "disk_low" not in house.codes(fatal=False)
    filler = fill(house.disk)
    until(lambda: not house.takes_writes(), "Valkey goes on without a disk")

    before = total(CLICKS_LOST)
    assert {click(road).kind for _ in range(10)} == {Kind.BOT}
    assert total(CLICKS_LOST) == before + 10
    assert said(caplog) == [1], "and no more for a minute"
    assert house.codes(fatal=True) == {"redis_unwritable", "database_unwritable"}
    assert "spool_unwritable" in house.codes(fatal=False)
    with pytest.raises(RedisError):
        road.recorder.take_up_again()
    assert road.recorder.redis_is_away

    filler.unlink()
    until(house.takes_writes, "Valkey writes again")
    road.recorder.take_up_again()
    assert said(caplog) == [1, 9]
    click(road)
    flush(house.platform)
    flush(house.platform)  # tells of them once
    assert house.codes(fatal=True) == set()
    with house.platform.database.reading() as session:
        told = session.scalars(select(Notification).where(Notification.kind == "clicks_lost")).all()
        assert sum(one.params["count"] for one in told) == 10
        assert len(told) <= 2, "one, or two at the turn of the hour"
        assert len(session.scalars(select(Click)).all()) == 2
    road.stop()


def test_what_the_disk_took_of_a_batch_is_taken_back_and_spoils_no_later_click(house: House) -> None:
    folder = house.disk / "spool"
    waiting = Spool(folder)
    waiting.append([ENTRY])
    filler = fill(house.disk)
    with pytest.raises(OSError, match="space"):
        for _ in range(100):  # the block that is begun takes a few
            waiting.append([ENTRY] * 7)
    filler.unlink()
    waiting.append([ENTRY])
    waiting.seal()
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert {tuple(json.loads(line).items()) for line in lines} == {tuple(ENTRY.items())}
    assert len(lines) % 7 == 2


def test_readiness_warns_before_the_disk_is_full(house: House) -> None:
    filler = fill(house.disk)
    with filler.open("rb+") as file:
        file.truncate(filler.stat().st_size - 2 * 2**20)
    assert "disk_low" in house.codes(fatal=False)
    assert house.codes(fatal=True) == set()
    new_account(house.platform)
    with house.platform.database.transaction() as session:
        for account in session.scalars(select(Account)):
            account.is_admin = True
    assert notify_of_storage(house.platform) == ("disk_low",)
    assert notify_of_storage(house.platform) == ("disk_low",)
    with house.platform.database.reading() as session:
        assert [each.kind for each in session.scalars(select(Notification))] == ["disk_low"]
