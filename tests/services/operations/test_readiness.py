"""Fit to serve, with reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy import text

from services.operations.readiness import Condition, details, readiness
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.heartbeats import beat


@pytest.fixture(autouse=True)
def same_server_afterwards(redis_url: str) -> Iterator[None]:
    """The server is everybody's: what a test sets is set back."""
    server = Redis.from_url(redis_url, decode_responses=True)
    before = server.config_get("maxmemory-policy", "appendonly")
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
    platform.redis.xadd(keys.click_stream(), {"x": "y"}, id=f"{int(time.time() - 90) * 1000}-0")
    assert codes(platform) == {"no_clock", "sweep_late", "queue_lags"}
    spool = platform.settings.data_dir / "spool"
    spool.mkdir()
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
