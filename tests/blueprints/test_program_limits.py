"""A program with a right token that asks too much is told so, with when to come again, and nobody else feels it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from models import Bot
from services.core.settings import Settings
from services.fleet.workers.registry import NewWorker, give_worker
from services.messaging.workers import answering
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.services.messaging.draining import handle_all
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import wait_until

CALL = {"method": "sendMessage", "params": {"chat_id": 1, "text": "x"}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"worker_requests_per_minute": 9, "worker_requests_at_once": 1, "user_rate_per_minute": 0.0}
    )


def token_of(platform: Platform, bot: Bot) -> str:
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    return give_worker(platform, owner, bot.id, NewWorker())[2]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_program_that_asks_without_end_gets_429_with_the_time_and_its_neighbour_nothing(
    client: FlaskClient, platform: Platform, bot: Bot
) -> None:
    mine = token_of(platform, bot)
    other = add_bot(platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "B" * 35})
    theirs = token_of(platform, other)
    answers = [client.get("/api/v1/runtime/next?wait=0", headers=bearer(mine)) for _ in range(5)]
    answers += [client.get(f"/botapi/bot{mine}/getWebhookInfo") for _ in range(4)]  # one count for both ways
    assert [answer.status_code for answer in answers] == [200] * 9
    refused = client.get("/api/v1/runtime/next?wait=0", headers=bearer(mine))
    assert (refused.status_code, (refused.json or {})["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    facade = client.post(f"/botapi/bot{mine}/sendMessage", json={"chat_id": 1, "text": "x"})
    said: dict[str, Any] = facade.json or {}
    assert (facade.status_code, said["error_code"], said["ok"]) == (429, 429, False)
    assert 1 <= said["parameters"]["retry_after"] <= 60
    assert client.get("/api/v1/runtime/next?wait=0", headers=bearer(theirs)).status_code == 200


def test_requests_at_once_calls_in_one_answer_and_calls_that_wait_are_bounded(
    app: Flask, client: FlaskClient, platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = token_of(platform, bot)
    got: list[Any] = []

    def wait() -> None:
        got.append(app.test_client().get("/api/v1/runtime/next?wait=25", headers=bearer(mine)).json)

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_until(lambda: platform.redis.exists(work_keys.seen(bot.id)))
    busy = client.get("/api/v1/runtime/next?wait=0", headers=bearer(mine))
    assert (busy.status_code, (busy.json or {})["code"]) == (429, "worker_busy")
    assert busy.headers["Retry-After"] == "1"
    accept_all(platform, bot, [message(1, 501, "hi")])
    handle_all(platform)
    waiting.join(60)
    place = f"/api/v1/runtime/leases/{got[0]['items'][0]['lease']}/response"
    many = client.post(place, json={"calls": [CALL] * 1000}, headers=bearer(mine))  # its place is free again
    assert (many.status_code, (many.json or {})["code"]) == (422, "invalid_input")
    monkeypatch.setattr(answering, "MOST_CALLS_WAITING", 2)
    statuses = [
        client.post("/api/v1/runtime/send", json=CALL, headers=bearer(mine)).status_code for _ in range(2)
    ]
    assert statuses == [204, 204]
    for path, body in (("/api/v1/runtime/send", CALL), (place, {"calls": [CALL]})):
        full = client.post(path, json=body, headers=bearer(mine))
        assert (full.status_code, (full.json or {})["code"]) == (429, "outbox_full"), path
        assert full.headers["Retry-After"] == "10"
    facade = client.post(f"/botapi/bot{mine}/sendMessage", json=CALL["params"])
    assert (facade.json or {})["parameters"] == {"retry_after": 10}
