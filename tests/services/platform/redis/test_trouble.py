"""A Redis that answers, but not to REDIS_URL as it is, is told apart from one that is away: over real connections."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from redis import Redis, RedisError

from launch import valkey
from launch.ports import free_port
from services.core.errors import ConfigurationError
from services.core.settings import Settings
from services.operations.readiness import details, readiness
from services.platform.platform import Platform
from services.platform.redis.connection import fast_client
from services.platform.redis.trouble import redis_trouble
from tests.commands.running import flask


def code_of(settings: Settings) -> str:
    """What a ping comes to."""
    with fast_client(settings) as client, pytest.raises(RedisError) as raised:
        client.ping()
    return redis_trouble(raised.value).code


def with_redis(settings: Settings, redis_url: str, **more: object) -> Settings:
    return settings.model_copy(update={"redis_url": redis_url, **more})


@pytest.fixture
def limited(redis_url: str) -> Iterator[str]:
    """The address of a user who may do nothing but PING."""
    with Redis.from_url(redis_url) as server:
        server.execute_command("ACL SETUSER nobody on >pass nocommands +ping +hello +client")
        yield f"redis://nobody:pass@127.0.0.1:{urlsplit(redis_url).port}/0"
        server.execute_command("ACL DELUSER nobody")


def test_a_wrong_password_is_no_absence(settings: Settings, redis_url: str) -> None:
    port = urlsplit(redis_url).port
    for user in ("", ":wrong@", "somebody:wrong@"):
        strange = with_redis(settings, f"redis://{user}127.0.0.1:{port}/0")
        assert code_of(strange) == "redis_refused", user
    found = readiness(Platform(strange)).as_json()
    assert "redis_refused" in [reason["code"] for reason in found["reasons"]]
    assert details(Platform(strange))["redis"] == {"error": "AuthenticationError"}
    told = flask(settings, "clicks", "check", REDIS_URL=strange.redis_url)
    assert told.returncode == 1
    assert told.stderr == "Error: Redis refuses the user name or password of REDIS_URL\n"
    assert code_of(with_redis(settings, f"redis://127.0.0.1:{free_port()}/0")) == "redis_unavailable"


def test_a_user_who_lacks_a_permission_is_no_absence(settings: Settings, limited: str) -> None:
    with fast_client(with_redis(settings, limited)) as client, pytest.raises(RedisError) as raised:
        client.get("key")
    assert redis_trouble(raised.value).code == "redis_refused"


def test_a_certificate_is_checked_by_every_client_unless_that_is_switched_off(
    settings: Settings, tls_url: str
) -> None:
    strict, lax = (with_redis(settings, tls_url, redis_verify_tls=verify) for verify in (True, False))
    assert code_of(strict) == "redis_untrusted"
    with pytest.raises(ConfigurationError, match=r"REDIS_URL: .*see REDIS_VERIFY_TLS"):
        valkey.wait_until_ready(strict, lambda: True)
    valkey.wait_until_ready(lax, lambda: True)
    with fast_client(lax) as client:
        assert client.ping()
