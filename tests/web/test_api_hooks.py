"""What surrounds the REST API: Idempotency-Key and the rate of a key."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis, RedisError
from werkzeug.test import TestResponse

from app import create_app
from services.fleet.pools import pools
from services.platform.platform import Platform
from tests.blueprints.people import csrf_token, make_account, make_key, sign_in

POOLS = "/api/v1/redirect-pools"
A_UUID = "3f2b8c1e-9d4a-4f6b-8a57-0c1d2e3f4a5b"
NEW_POOL = {"name": "P", "slug": "red1"}


@pytest.fixture
def key(platform: Platform) -> dict[str, str]:
    """The header of an API key."""
    return make_key(platform, make_account(platform))


def body(answer: TestResponse) -> dict[str, Any]:
    """The JSON object of an answer."""
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


def once(headers: dict[str, str], text: str | None = None) -> dict[str, str]:
    """Headers with an Idempotency-Key."""
    return {**headers, "Idempotency-Key": text or str(uuid4())}


@pytest.mark.data
def test_a_repetition_gets_the_first_answer_and_makes_nothing(
    client: FlaskClient, key: dict[str, str]
) -> None:
    headers = once(key)
    first = client.post(POOLS, json=NEW_POOL, headers=headers)
    again = client.post(POOLS, json=NEW_POOL, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert first.headers["Location"] == again.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(body(client.get(POOLS, headers=key))["items"]) == 1


@pytest.mark.parametrize("days", [True, "1", 1.5])
def test_a_number_is_read_out_of_nothing_else(client: FlaskClient, key: dict[str, str], days: object) -> None:
    answer = client.post("/api/v1/keys", json={"expires_days": days}, headers=key)
    assert (answer.status_code, body(answer)["field"]) == (422, "expires_days")


def test_a_list_has_no_parameters_but_its_own(client: FlaskClient, key: dict[str, str]) -> None:
    answer = client.get("/api/v1/bots?zzz=1", headers=key)
    assert (answer.status_code, body(answer)["field"]) == (422, "zzz")


def test_a_refusal_is_repeated_too(client: FlaskClient, key: dict[str, str]) -> None:
    headers = once(key)
    first = client.post(POOLS, json={"name": "P", "slug": "-"}, headers=headers)
    again = client.post(POOLS, json={"name": "P", "slug": "-"}, headers=headers)
    assert first.status_code == 422
    assert (again.status_code, again.json, again.mimetype) == (422, first.json, "application/problem+json")


def test_the_same_key_for_something_else_is_refused(client: FlaskClient, key: dict[str, str]) -> None:
    headers = once(key)
    client.post(POOLS, json=NEW_POOL, headers=headers)
    for path, sent in (
        (POOLS, {**NEW_POOL, "slug": "red2"}),
        ("/api/v1/keys", NEW_POOL),
        (f"{POOLS}?a=1", NEW_POOL),
    ):
        answer = client.post(path, json=sent, headers=headers)
        assert (answer.status_code, body(answer)["code"]) == (422, "idempotency_mismatch")
    assert len(body(client.get(POOLS, headers=key))["items"]) == 1


@pytest.mark.parametrize(
    "text", ["x", "", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", f"{{{A_UUID}}}", A_UUID.replace("-", "")]
)
def test_only_a_uuid_of_version_4_is_a_key(client: FlaskClient, key: dict[str, str], text: str) -> None:
    answer = client.post(POOLS, json=NEW_POOL, headers={**key, "Idempotency-Key": text})
    assert (answer.status_code, body(answer)["code"]) == (422, "idempotency_key_invalid")


def test_callers_do_not_share_keys(client: FlaskClient, platform: Platform) -> None:
    text = str(uuid4())
    one, other = (make_key(platform, make_account(platform, f"{name}@example.com")) for name in "ab")
    assert client.post(POOLS, json=NEW_POOL, headers=once(one, text)).status_code == 201
    answer = client.post(POOLS, json={**NEW_POOL, "slug": "red2"}, headers=once(other, text))
    assert answer.status_code == 201


def test_requests_at_the_same_time_are_carried_out_once(
    app: Flask, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, entered, may_go_on = pools.create_pool, threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        entered.set()
        assert may_go_on.wait(10)
        return make(*given)

    monkeypatch.setattr(pools, "create_pool", slow)
    headers = once(key)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(lambda: app.test_client().post(POOLS, json=NEW_POOL, headers=headers))
        assert entered.wait(10)
        second = app.test_client().post(POOLS, json=NEW_POOL, headers=headers)
        may_go_on.set()
        assert first.result().status_code == 201
    assert (second.status_code, body(second)["code"]) == (409, "idempotency_running")
    assert second.headers["Retry-After"] == "1"


def test_after_an_error_of_ours_the_key_may_be_tried_again(
    client: FlaskClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = once(key)
    with monkeypatch.context() as broken:
        broken.setattr(pools, "create_pool", lambda *_: 1 / 0)
        assert client.post(POOLS, json=NEW_POOL, headers=headers).status_code == 500
    assert client.post(POOLS, json=NEW_POOL, headers=headers).status_code == 201


def test_a_secret_in_an_answer_never_lies_open_in_redis(
    client: FlaskClient, key: dict[str, str], platform: Platform
) -> None:
    headers = once(key)
    made = client.post("/api/v1/keys", json={"name": "n"}, headers=headers)
    again = client.post("/api/v1/keys", json={"name": "n"}, headers=headers)
    assert body(made)["key"] == body(again)["key"]
    secret = body(made)["key"].rpartition("_")[2]
    [record] = platform.redis.keys("*:api:once:*")
    assert "owner" not in platform.redis.hgetall(record)
    assert secret not in str(platform.redis.hgetall(record))
    assert 86_000 < platform.redis.ttl(record) <= 86_400


@pytest.fixture
def slow(platform: Platform) -> Platform:
    """An installation whose keys may ask five times a minute."""
    return Platform(platform.settings.model_copy(update={"api_rate_per_minute": 5}))


def test_a_key_has_a_rate_over_all_processes_and_both_paths_and_others_are_not_slowed(slow: Platform) -> None:
    clients = [create_app(each).test_client() for each in (slow, Platform(slow.settings))]
    account = make_account(slow)
    one, other = make_key(slow, account), make_key(slow, account)
    paths = [POOLS, POOLS.replace("/v1", ""), "/api/v1/bots"]
    answers = [clients[number % 2].get(paths[number % 3], headers=one) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    refused = answers[-1]
    assert (body(refused)["code"], refused.mimetype) == ("rate_limited", "application/problem+json")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert abs(int(refused.headers["X-RateLimit-Reset"]) - time.time() - body(refused)["retry_after"]) <= 1.5
    assert "Retry-After" not in answers[0].headers
    assert clients[0].get(POOLS, headers=other).status_code == 200


def test_a_refused_request_leaves_its_idempotency_key_for_the_next_attempt(slow: Platform) -> None:
    client, key = create_app(slow).test_client(), make_key(slow, make_account(slow))
    for _ in range(5):
        client.get(POOLS, headers=key)
    headers = once(key)
    assert client.post(POOLS, json=NEW_POOL, headers=headers).status_code == 429
    slow.redis.delete(*slow.redis.keys("*:limit:*"))  # the minute is over
    made = client.post(POOLS, json=NEW_POOL, headers=headers)
    assert (made.status_code, "Idempotency-Replayed" in made.headers) == (201, False)


def test_people_have_no_rate_on_the_api(slow: Platform) -> None:
    client = create_app(slow).test_client()
    make_account(slow)
    sign_in(client)
    answers = [client.get(POOLS) for _ in range(7)]
    assert {answer.status_code for answer in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[0].headers


def test_without_a_rate_nothing_is_counted(platform: Platform) -> None:
    client = create_app(
        Platform(platform.settings.model_copy(update={"api_rate_per_minute": 0}))
    ).test_client()
    key = make_key(platform, make_account(platform))
    assert "X-RateLimit-Limit" not in client.get(POOLS, headers=key).headers
    assert platform.redis.keys("*:limit:*") == []


def test_without_redis_a_key_s_rate_holds_in_each_process(slow: Platform) -> None:
    away = Platform(slow.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    client, key = create_app(away).test_client(), make_key(slow, make_account(slow))
    assert [client.get(POOLS, headers=key).status_code for _ in range(6)] == [200] * 5 + [429]
    away.database.dispose()


def test_without_redis_reads_go_on_and_repeatable_requests_wait(
    client: FlaskClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RedisError("away")

    monkeypatch.setattr(Redis, "execute_command", away)
    assert client.get(POOLS, headers=key).status_code == 200
    answer = client.post(POOLS, json=NEW_POOL, headers=once(key))
    assert (answer.status_code, body(answer)["code"]) == (503, "redis_unavailable")


def test_a_tenant_that_used_up_its_idempotency_keys_is_told_when_and_others_go_on(platform: Platform) -> None:
    few = Platform(platform.settings.model_copy(update={"idempotency_keys_per_account": 4}))
    client = create_app(few).test_client()
    greedy, account = make_account(few, "a@example.com"), make_account(few, "b@example.com")
    first, second, other = make_key(few, greedy), make_key(few, greedy), make_key(few, account)
    asked = [client.post(POOLS, json={"name": "P", "slug": "-"}, headers=once(first)) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [422, 422, 429]
    assert (body(asked[2])["code"], asked[2].mimetype) == ("idempotency_limit", "application/problem+json")
    assert 86_000 < int(asked[2].headers["Retry-After"]) <= 86_400
    assert client.post(POOLS, json=NEW_POOL, headers=first).status_code == 201, (
        "without a key it is carried out"
    )
    asked = [client.post(POOLS, json={"name": "P", "slug": "-"}, headers=once(second)) for _ in range(3)]
    assert [answer.status_code for answer in asked] == [422, 422, 429], "the account's other key had its half"
    made = client.post(POOLS, json={**NEW_POOL, "slug": "red2"}, headers=once(other))
    assert made.status_code == 201
    few.database.dispose()


def test_a_person_s_idempotency_keys_are_bounded_over_all_sessions(platform: Platform) -> None:
    few = Platform(platform.settings.model_copy(update={"idempotency_keys_per_account": 4}))
    app, statuses = create_app(few), []
    make_account(few)
    for _ in range(3):
        client = app.test_client()
        sign_in(client)
        token = csrf_token(client, "/panel/account")
        headers = {"X-CSRFToken": token, "Idempotency-Key": str(uuid4())}
        statuses.append(client.post(POOLS, json={"name": "P", "slug": "-"}, headers=headers).status_code)
    assert statuses == [422, 422, 429]
    few.database.dispose()


def test_an_answer_too_long_to_be_kept_is_not_given_again_and_nothing_happens_twice(
    client: FlaskClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.limits.idempotency.LARGEST_ANSWER", 700)
    headers = once(key)
    made = client.post(POOLS, json=NEW_POOL, headers=headers)
    again = client.post(POOLS, json=NEW_POOL, headers=headers)
    assert made.status_code == 201
    assert (again.status_code, body(again)["code"]) == (409, "idempotency_not_kept")
    assert "201" in body(again)["detail"]
    assert made.headers["Location"] in body(again)["detail"]
    assert len(body(client.get(POOLS, headers=key))["items"]) == 1
