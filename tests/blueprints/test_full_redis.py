"""What each road answers at a real Redis' maxmemory, and right after."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from blueprints.redirects import redirector
from services.fleet.bots.webhook_secret import webhook_secret
from services.messaging.updates.webhook_auth import SECRET_HEADER
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing import memory_guard
from tests.blueprints.people import make_account, make_key
from tests.services.fleet.pools.fleet import new_account, new_pool
from tools.servers.fleet import add_bot, message, stream
from tools.servers.receivers import http_receiver

POOLS = "/api/v1/redirect-pools"
DESTINATIONS = "/api/v1/notification-destinations"


@pytest.fixture
def full(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every look at Redis' memory is a fresh one, and in the end there is room again."""
    monkeypatch.setattr(memory_guard, "CHECK_INTERVAL_SECONDS", 0.0)
    yield
    platform.redis.config_set("maxmemory", 0)


@pytest.fixture(params=[True, False], ids=["fast", "flask"])
def app(platform: Platform, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """With and without the fast path; nothing of it runs on after the test."""
    own = Platform(platform.settings.model_copy(update={"fast_path": request.param}))
    app = create_app(own)
    yield app
    with app.app_context():
        redirector().stop()
    own.database.dispose()


@pytest.mark.usefixtures("full")
def test_at_the_limit_clicks_go_on_and_telegram_and_programs_are_asked_to_come_back(
    platform: Platform, client: FlaskClient
) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    bot = add_bot(platform, {"id": 7001, "username": "full_bot", "token": "7001:" + "A" * 35})
    key = make_key(platform, make_account(platform))

    def webhook(update_id: int) -> tuple[int, str | None]:
        secret = {SECRET_HEADER: webhook_secret(platform.vault, bot.path_id)}
        answer = client.post(f"/webhook/{bot.path_id}", json=message(update_id, 5, "hello"), headers=secret)
        return answer.status_code, answer.headers.get("Retry-After")

    assert webhook(1) == (200, None)
    platform.redis.config_set("maxmemory", 1)
    assert [client.get("/go/red1").status_code for _ in range(5)] == [302] * 5
    status, retry_after = webhook(2)
    assert (status, retry_after) == (503, "5")
    asked = client.post(
        POOLS, json={"name": "P", "slug": "p"}, headers={**key, "Idempotency-Key": str(uuid4())}
    )
    assert (asked.status_code, (asked.json or {})["code"]) == (503, "redis_full")
    assert int(asked.headers["Retry-After"]) > 0
    assert client.get(POOLS, headers=key).status_code == 200, "what needs no write goes on"
    ready = client.get("/health/ready")
    assert ready.status_code == 503
    assert "redis_full" in [reason["code"] for reason in (ready.json or {})["reasons"]]

    platform.redis.config_set("maxmemory", 0)
    assert webhook(2) == (200, None)
    assert client.get("/health/ready").status_code == 200
    assert sum(len(stream(platform, keys.update_lane(lane))) for lane in range(8)) == 2


@pytest.mark.usefixtures("full")
def test_a_write_that_a_full_redis_refuses_is_told_apart_from_a_redis_that_is_away(
    platform: Platform, client: FlaskClient
) -> None:
    key = make_key(platform, make_account(platform))
    with http_receiver() as receiver:
        made = client.post(DESTINATIONS, json={"kind": "webhook", "url": receiver.url}, headers=key)
        platform.redis.config_set("maxmemory", 1)
        answer = client.post(f"{DESTINATIONS}/{(made.json or {})['id']}/test", headers=key)
    assert (answer.status_code, (answer.json or {})["code"]) == (503, "redis_full")
    assert int(answer.headers["Retry-After"]) > 0
