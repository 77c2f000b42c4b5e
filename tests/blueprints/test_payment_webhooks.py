"""Payment providers call: signed and mapped is a goal, everything else is the same refusal or a kept failure."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Bot, Goal, PaymentWebhook
from services.core.times import utc_now
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.fleet.pools.fleet import new_pool
from tests.services.traffic.clicks.clicking import User, touch_lead

WEBHOOKS = "/api/v1/payment-webhooks"
MAPPING = {"person": "telegram", "event_id": "id", "value": "amount", "fixed_currency": "BRL"}


@pytest.fixture
def key(platform: Platform) -> dict[str, str]:
    account = make_account(platform)
    new_pool(platform, caller_of(account), "red1", 1)
    with platform.database.transaction() as session:
        bot = session.scalars(select(Bot)).one()
        touch_lead(session, bot=bot, user=User(), at=utc_now())
    return make_key(platform, account)


@pytest.fixture
def webhook(client: FlaskClient, key: dict[str, str]) -> dict[str, Any]:
    body = {"name": "Pix", "mapping": MAPPING}
    made: dict[str, Any] = client.post(WEBHOOKS, json=body, headers=key).get_json()
    return made


def call(client: FlaskClient, made: dict[str, Any], body: Any, secret: str = "") -> int:
    content = json.dumps(body).encode()
    at = int(time.time())
    digest = hmac.new((secret or made["secret"]).encode(), f"{at}.".encode() + content, hashlib.sha256)
    path = "/payments/" + made["url"].rpartition("/")[2]
    signed = {"X-Signature": f"t={at},v1={digest.hexdigest()}"}
    return client.post(path, data=content, headers=signed, content_type="application/json").status_code


def test_a_signed_call_is_a_goal_once_and_others_are_the_same_401(
    platform: Platform, client: FlaskClient, key: dict[str, str], webhook: dict[str, Any]
) -> None:
    paid = {"id": "1", "telegram": str(User.id), "amount": "19.90", "payer": "Ana Silva"}
    assert [call(client, webhook, paid), call(client, webhook, paid)] == [200, 200]
    assert call(client, webhook, {"id": "2", "telegram": 12, "amount": 1}) == 200
    assert call(client, webhook, paid, secret="another") == 401
    assert call(client, {**webhook, "url": "x/unknown"}, paid) == 401
    with platform.database.reading() as session:
        [goal] = session.scalars(select(Goal)).all()
        assert (goal.amount_micros, goal.currency, goal.source, goal.telegram_id) == (
            19_900_000,
            "BRL",
            "webhook",
            User.id,
        )
        assert webhook["secret"] not in str(session.scalars(select(PaymentWebhook)).one().__dict__)
    one = f"{WEBHOOKS}/{webhook['id']}"
    assert webhook["last_refused_at"] is None
    assert client.get(one, headers=key).get_json()["last_refused_at"] is not None
    short = client.post(WEBHOOKS, json={"name": "Pix", "mapping": MAPPING, "secret": "short"}, headers=key)
    assert short.get_json()["field"] == "secret"
    calls = client.get(f"{one}/calls", headers=key).get_json()["items"]
    assert [one["result"] for one in calls] == ["failed", "duplicate", "recorded"]
    assert "Ana" not in str(calls)


def test_a_body_is_tried_without_being_kept_and_a_change_counts_at_once(
    client: FlaskClient, key: dict[str, str], webhook: dict[str, Any]
) -> None:
    one = f"{WEBHOOKS}/{webhook['id']}"
    tried = client.post(
        f"{one}/test", json={"body": json.dumps({"id": "1", "telegram": User.id, "amount": 5})}, headers=key
    ).get_json()
    assert (tried["result"], tried["amount_micros"], tried["telegram_id"]) == ("recorded", 5_000_000, User.id)
    assert client.post(f"{one}/test", json={"body": "{"}, headers=key).get_json()["result"] == "failed"
    assert client.get(f"{one}/calls", headers=key).get_json()["items"] == []
    changed = client.patch(one, json={"is_enabled": False, "name": "Off"}, headers=key).get_json()
    assert (changed["is_enabled"], changed["name"]) == (False, "Off")
    assert "secret" not in changed
    assert call(client, webhook, {"id": "1", "telegram": User.id, "amount": 5}) == 401
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).status_code == 404


def test_a_body_of_strange_signs_and_numbers_is_kept_as_one_that_was_not_understood(
    client: FlaskClient, key: dict[str, str], webhook: dict[str, Any]
) -> None:
    person = {"telegram": User.id, "amount": 1}
    assert call(client, webhook, {**person, "id": "1", "amount": "1e2000000"}) == 200
    assert call(client, webhook, {**person, "id": "\0\ud800"}) == 200
    clicks = {"mapping": {"click": "click", "event_id": "id"}}
    one = f"{WEBHOOKS}/{webhook['id']}"
    client.patch(one, json=clicks, headers=key)
    assert call(client, webhook, {"id": "2", "click": "\0\ud800"}) == 200
    calls = client.get(f"{one}/calls", headers=key).get_json()["items"]
    assert [call["result"] for call in calls] == ["failed", "recorded", "failed"]
    assert client.post("/payments/%00", data=b"{}").status_code == 401


def test_a_refund_is_told_from_its_payment_however_long_the_providers_id_is(
    platform: Platform, client: FlaskClient, key: dict[str, str], webhook: dict[str, Any]
) -> None:
    states = {"only_field": "state", "only_value": "paid", "refund_value": "refunded"}
    client.patch(
        f"{WEBHOOKS}/{webhook['id']}", json={"mapping": {**MAPPING, **states}}, headers=key
    ).get_json()
    for end in ("1", "2"):
        for state in ("paid", "refunded"):
            body = {"id": "x" * 120 + end, "telegram": User.id, "amount": 2, "state": state}
            assert call(client, webhook, body) == 200
    with platform.database.reading() as session:
        amounts = [goal.amount_micros for goal in session.scalars(select(Goal).order_by(Goal.id))]
    assert amounts == [2_000_000, -2_000_000, 2_000_000, -2_000_000]
