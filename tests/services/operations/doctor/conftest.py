"""An installation in which nothing is wrong, and a server that is everybody's again afterwards."""

from __future__ import annotations

import json
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from models import Account, NotificationDestination, SecondFactor
from services.core.times import utc_now
from services.platform.accounts.accounts import create_account
from services.platform.platform import Platform
from services.platform.redis import keys, upkeep_keys
from services.platform.redis.leases import Lease
from services.queueing.heartbeats import beat

SET_BACK = ("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "timeout", "maxclients")


@pytest.fixture(autouse=True)
def same_server_afterwards(redis_url: str) -> Iterator[None]:
    """The server is everybody's: what a test sets is set back."""
    server = Redis.from_url(redis_url, decode_responses=True)
    before = server.config_get(*SET_BACK)
    server.config_set("appendonly", "yes")
    server.config_set("maxmemory", 8 * 2**30)
    yield
    for name, value in before.items():
        server.config_set(str(name), str(value))
    server.close()


def random_key() -> str:
    """A secret as somebody careful makes one."""
    return secrets.token_urlsafe(48)


def make_sound(platform: Platform) -> Account:
    """All processes live, somebody leads and looks, an administrator with two steps hears of alarms; who that is."""
    for process in ("web@here:1", "worker@here:2", "clock@here:3", "poller@here:4", "programs@here:5"):
        beat(platform, process)
    Lease.take(platform.redis, "clock", ttl_seconds=600)
    platform.redis.set(keys.sweep_report(), json.dumps({"at": time.time()}))
    platform.redis.set(upkeep_keys.expired_deleted(utc_now().date().isoformat()), "1")
    admin = create_account(platform, "boss@example.com", "correct horse battery", True)
    with platform.database.transaction() as session:
        session.add(SecondFactor(account_id=admin.id, sealed_secret="-", enabled_at=utc_now()))
        session.add(NotificationDestination(account_id=admin.id, kind="email", address="boss@example.com"))

    platform.settings.data_dir.chmod(stat.S_IRWXU)
    for path in Path(platform.settings.data_dir).glob("flotilla.db*"):
        path.chmod(0o600)
    return admin
