"""What containers run beside a process: the wait for the schema before it, the wait for its spool before its end."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import text

from launch import schema_wait
from launch.drain import drain
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.spool import Spool

SOON = 0.3  # seconds


def set_version(platform: Platform, number: str) -> None:
    with platform.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})


@pytest.mark.data
def test_the_schema_is_waited_for_and_a_newer_one_will_do(platform: Platform) -> None:
    assert schema_wait.wait(platform, seconds=0) == ""
    set_version(platform, "9999")
    assert schema_wait.wait(platform, seconds=0) == ""
    set_version(platform, "0001")
    assert "0001" in schema_wait.wait(platform, seconds=0)
    threading.Timer(SOON, set_version, (platform, "9999")).start()
    assert schema_wait.wait(platform, seconds=20) == ""
    with platform.database.transaction() as session:
        session.execute(text("DROP TABLE alembic_version"))
    assert "missing" in schema_wait.wait(platform, seconds=0)


def test_a_database_that_does_not_answer_is_named(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = platform.settings
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    assert schema_wait.main(["--seconds", "0"]) == 1
    assert "does not answer" in capsys.readouterr().err


def test_a_web_container_is_ended_once_its_clicks_are_in_redis(platform: Platform, tmp_path: Path) -> None:
    began = time.monotonic()
    drain(tmp_path, seconds=SOON)
    assert SOON <= time.monotonic() - began < 5
    spool = Spool(tmp_path / "spool")
    spool.append([{"p": "1"}, {"p": "2"}])
    threading.Timer(SOON, _replay, (spool, platform.redis)).start()
    drain(tmp_path, seconds=0)
    assert platform.redis.xlen(keys.click_stream()) == 2


def _replay(spool: Spool, redis: Redis) -> None:
    spool.seal()
    spool.replay(redis)
