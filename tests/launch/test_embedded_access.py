"""The embedded server and programs that speak to it: open to nobody but us, and to them without a setting."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, RedisError

from launch import datadir, valkey
from services.fleet.workers.access_keeper import AccessKeeper
from services.fleet.workers.redis_access import address_for, ask
from services.platform.platform import Platform
from services.platform.redis import engine
from tests.conftest import settings_for
from tests.services.fleet.workers.conftest import worker_bot


def test_the_embedded_server_lets_programs_in_by_users_of_their_own_and_nobody_without_one(
    tmp_path: Path, database_url: str, request: pytest.FixtureRequest
) -> None:
    server = valkey.configure(tmp_path, engine.find_engine(), 64 * 2**20)
    process = subprocess.Popen(server.command)
    request.addfinalizer(process.wait)
    request.addfinalizer(process.terminate)
    datadir.write_private(tmp_path / "redis.url", server.url + "\n")
    platform = Platform(settings_for(tmp_path, database_url))
    valkey.wait_until_ready(platform.settings, lambda: process.poll() is None)
    bot, token = worker_bot(platform, 7001)
    assert [each.identity.public_id for each in AccessKeeper(platform).round()] == [bot.public_id]
    address = address_for(platform.settings, bot.public_id, token)
    assert address is not None
    program = Redis.from_url(address)
    assert program.ping()
    with pytest.raises(NoPermissionError):
        program.config_get("*")
    anonymous = Redis.from_url(f"redis://127.0.0.1:{server.port}/0")
    for words in (("PING",), ("AUTH", "default", ""), ("AUTH", bot.public_id, "")):
        with pytest.raises(RedisError):
            ask(anonymous, *words)
    platform.database.dispose()
