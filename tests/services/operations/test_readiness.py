"""Fit to serve, with reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from redis import Redis
from sqlalchemy import event, select, text

from models import Notification
from services.alerts.notifications.kinds import Kind
from services.operations.findings import Condition
from services.operations.readiness import details, readiness
from services.operations.storage import EXTENSION
from services.operations.storage_watchdog import notify_of_storage
from services.platform.accounts.accounts import create_account
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.heartbeats import beat

READ_ONLY = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"


@pytest.fixture(autouse=True)
def same_server_afterwards(redis_url: str) -> Iterator[None]:
    """The server is everybody's: what a test sets is set back."""
    server = Redis.from_url(redis_url, decode_responses=True)
    before = server.config_get("maxmemory", "maxmemory-policy", "appendonly")
    yield
    for name, value in before.items():
        server.config_set(str(name), str(value))
    server.close()


def codes(platform: Platform) -> set[str]:
    return {finding.code for finding in readiness(platform).findings}


def make_sound(platform: Platform) -> None:
    for process in ("worker@here:1", "clock@here:2"):
        beat(platform, process)
    platform.redis.set(keys.sweep_report(), json.dumps({"at": time.time()}))
    platform.redis.config_set("maxmemory-policy", "noeviction")
    platform.redis.config_set("appendonly", "yes")


@pytest.mark.data
def test_a_sound_installation_is_ready(platform: Platform) -> None:
    make_sound(platform)
    assert readiness(platform).as_json() == {"status": "ready", "reasons": [], "warnings": []}


def test_each_thing_that_is_wrong_is_named(platform: Platform) -> None:
    make_sound(platform)
    platform.redis.delete(keys.heartbeat("clock@here:2"))
    assert codes(platform) == {"no_clock"}
    platform.redis.config_set("maxmemory-policy", "allkeys-lru")
    assert codes(platform) == {"no_clock", "redis_evicts"}
    platform.redis.config_set("maxmemory-policy", "noeviction")
    platform.redis.set(keys.sweep_report(), json.dumps({"at": time.time() - 100}))
    assert codes(platform) == {"no_clock", "sweep_late"}
    long_ago = f"{int(time.time() - 90) * 1000}-0"
    platform.redis.zadd(keys.outbox_active(0), {"1": 0})
    platform.redis.xadd(keys.outbox(1, "reply"), {"x": "y"}, id=long_ago)
    assert codes(platform) == {"no_clock", "sweep_late"}, "messages of a bot that cannot send wait"
    platform.redis.xadd(keys.click_stream(), {"x": "y"}, id=long_ago)
    assert codes(platform) == {"no_clock", "sweep_late", "queue_lags"}
    spool = platform.settings.data_dir / "spool"
    spool.mkdir(exist_ok=True)
    (spool / "1.jsonl").write_text("{}")
    assert codes(platform) == {"no_clock", "sweep_late", "queue_lags", "clicks_spooled"}
    assert readiness(platform).condition is Condition.DEGRADED


@pytest.mark.data
def test_an_old_schema_makes_unready(platform: Platform) -> None:
    make_sound(platform)
    with platform.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    found = readiness(platform)
    assert found.condition is Condition.UNREADY
    assert found.as_json()["reasons"][0]["code"] == "schema_outdated"


@pytest.mark.data
def test_a_former_release_stays_ready_on_the_schema_of_the_next(platform: Platform) -> None:
    """Else a release step would take every process of before out of service, ahead of the first of the new ones."""
    make_sound(platform)
    with platform.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert readiness(platform).condition is not Condition.UNREADY


def test_without_redis_it_is_unready_and_says_so_quickly(platform: Platform) -> None:
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    began = time.monotonic()
    assert [finding.code for finding in readiness(away).findings] == ["redis_away"]
    assert details(away)["redis"] == {"error": "ConnectionError"}
    assert time.monotonic() - began < 8
    away.database.dispose()


def test_without_a_database_it_is_unready(platform: Platform) -> None:
    make_sound(platform)
    gone = platform.settings.model_copy(update={"database_url": "sqlite:////nowhere/at/all.db"})
    assert [finding.code for finding in readiness(Platform(gone)).findings if finding.fatal] == [
        "database_away"
    ]


def unready(platform: Platform) -> list[str]:
    """What makes it unready now, the look of five seconds ago forgotten."""
    platform.app.extensions.pop(EXTENSION, None)
    return [finding.code for finding in readiness(platform).findings if finding.fatal]


@pytest.mark.data
def test_a_database_that_answers_but_takes_no_writes_makes_unready(platform: Platform) -> None:
    make_sound(platform)
    forbid = "PRAGMA query_only = ON" if platform.database.is_sqlite else READ_ONLY
    with (
        platform.database.engine.connect() as connection
    ):  # the one connection of this pool, which the look gets
        connection.exec_driver_sql(forbid)
        connection.commit()
    platform.database.ping()
    assert unready(platform) == ["database_unwritable"]
    with platform.database.engine.connect() as connection:
        connection.exec_driver_sql(forbid.replace("= ON", "= OFF").replace("ONLY", "WRITE"))
        connection.commit()
    assert unready(platform) == []


@pytest.mark.data
def test_a_database_that_somebody_else_writes_to_is_writable(platform: Platform) -> None:
    make_sound(platform)
    other = Platform(platform.settings)
    with other.database.transaction() as session:  # as a migration does
        session.execute(text("UPDATE alembic_version SET version_num = version_num"))
        assert unready(platform) == []
    other.database.dispose()


def test_the_database_is_written_to_once_in_five_seconds_however_often_one_asks(platform: Platform) -> None:
    make_sound(platform)
    writes: list[str] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *args: writes.append(args[2]))
    for _ in range(5):
        readiness(platform)
    assert sum(statement.startswith("UPDATE") for statement in writes) == 1


@pytest.mark.parametrize(("share", "found"), [(0.75, set()), (0.85, {"redis_memory"})])
def test_memory_that_runs_out_is_said_before_it_has(
    platform: Platform, share: float, found: set[str]
) -> None:
    make_sound(platform)
    used = int(platform.redis.info("memory")["used_memory"])
    platform.redis.config_set("maxmemory", int(used / share))
    assert codes(platform) == found
    assert readiness(platform).condition is not Condition.UNREADY


def test_administrators_are_told_of_memory_that_runs_out_once_an_hour(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "services.alerts.notifications.notify.utc_now", lambda: datetime(2026, 11, 5, 12, 30, tzinfo=UTC)
    )
    admin = create_account(platform, "root@example.com", "correct horse battery", True)
    create_account(platform, "tenant@example.com", "correct horse battery", False)
    assert notify_of_storage(platform) == ()
    used = int(platform.redis.info("memory")["used_memory"])
    platform.redis.config_set("maxmemory", int(used / 0.85))
    assert notify_of_storage(platform) == notify_of_storage(platform) == (Kind.REDIS_MEMORY,)
    with platform.database.reading() as session:
        [told] = session.scalars(select(Notification)).all()
    assert (told.account_id, told.kind, told.level) == (admin.id, "redis_memory", "critical")
    assert told.params == {"used": used // 2**20, "most": int(used / 0.85) // 2**20}
