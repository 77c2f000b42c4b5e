"""Postbacks over the REST API: made by driver, tried, changed, refused with a reason, and Google's file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, Postback
from services.platform.platform import Platform
from services.traffic.postbacks.registry import try_postback
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.fleet.pools.fleet import new_pool
from tools.servers.receivers import Receiver, http_receiver

POSTBACKS = "/api/v1/postbacks"
TOKEN = "EAAB-the-access-token-of-meta"


@pytest.fixture
def key(platform: Platform) -> dict[str, str]:
    return make_key(platform, make_account(platform))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as running:
        yield running


def make(client: FlaskClient, key: dict[str, str], driver: str, **fields: Any) -> Any:
    return client.post(POSTBACKS, json={"driver": driver, "name": "Mine", **fields}, headers=key)


def test_a_webhook_is_made_tried_changed_and_deleted(
    client: FlaskClient, key: dict[str, str], receiver: Receiver
) -> None:
    made = make(client, key, "webhook", config={"url": f"{receiver.url}/hook"}, goals=["purchase"]).get_json()
    assert made["secret"].startswith("whsec_")
    one = f"{POSTBACKS}/{made['id']}"
    assert "secret" not in client.get(one, headers=key).get_json()
    tried = client.post(f"{one}/test", headers=key).get_json()
    assert (tried["delivered"], tried["status"], len(receiver.posts)) == (True, 204, 1)
    assert client.post(f"{one}/test", headers=key).status_code == 429
    changed = client.patch(
        one, json={"events": ["start", "click"], "is_enabled": False}, headers=key
    ).get_json()
    assert (changed["events"], changed["is_enabled"], changed["goals"]) == (
        ["click", "start"],
        False,
        ["purchase"],
    )
    assert client.get(f"{one}/deliveries", headers=key).get_json() == {"items": [], "next": None}
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).get_json()["code"] == "postback_not_found"


def test_a_test_shows_the_answer_of_a_receiver_that_refuses_too(
    client: FlaskClient, key: dict[str, str], receiver: Receiver
) -> None:
    config = {"url": f"{receiver.url}/?w={{wbraid}}&k={{kwaiclid}}", "method": "POST", "needs": ["wbraid"]}
    made = make(client, key, "url", config=config).get_json()
    receiver.answers[:] = [(400, {})]
    receiver.says = b'{"error": "campaign unknown"}'
    tried = client.post(f"{POSTBACKS}/{made['id']}/test", headers=key).get_json()
    assert (tried["delivered"], tried["status"], tried["permanent"]) == (False, 400, True)
    assert "campaign unknown" in tried["answer"]
    assert "400" in tried["error"]
    assert receiver.posts[0].path == "/?w=test-wbraid&k=test-kwaiclid"


def test_a_network_that_repeats_the_token_gives_it_to_nobody(
    platform: Platform, client: FlaskClient, key: dict[str, str], receiver: Receiver
) -> None:
    config = {"pixel_id": "12345", "test_event_code": "TEST1"}
    made = make(client, key, "meta", config=config, secret=TOKEN).get_json()
    settings = platform.settings.model_copy(update={"meta_api_url": receiver.url})
    elsewhere = dataclasses.replace(platform, settings=settings)
    receiver.answers[:] = [(400, {})]
    said = {"code": 190, "message": f"Malformed access token {TOKEN}"}
    receiver.says = json.dumps({"error": said}).encode()
    with platform.database.reading() as session:
        caller = caller_of(session.scalars(select(Account)).one())
    tried = try_postback(elsewhere, caller, made["id"])
    assert "Malformed access token" in tried["answer"]
    assert TOKEN not in str(tried)
    assert TOKEN not in client.get(f"{POSTBACKS}/{made['id']}", headers=key).text


def test_a_token_is_kept_sealed_and_a_test_without_a_code_is_not_sent(
    platform: Platform, client: FlaskClient, key: dict[str, str]
) -> None:
    refused = make(client, key, "meta", config={"pixel_id": "12345"})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "secret_needed")
    made = make(client, key, "meta", config={"pixel_id": "12345"}, secret=TOKEN)
    assert (made.get_json()["has_secret"], made.get_json()["secret"]) == (True, "")
    assert TOKEN not in made.text
    one = f"{POSTBACKS}/{made.get_json()['id']}"
    assert client.post(f"{one}/test", headers=key).get_json()["code"] == "test_code_needed"
    with platform.database.reading() as session:
        row = session.scalars(select(Postback)).one()
        assert TOKEN not in f"{row.sealed_secret} {row.config}"
    trail = client.get("/api/v1/audit", headers=key)
    assert TOKEN not in trail.text


@pytest.mark.parametrize(
    ("driver", "fields", "field"),
    [
        ("url", {"config": {"url": "https://t.example/?x={nothing}"}}, "config.url"),
        ("url", {"config": {}}, "config.url"),
        ("url", {"config": {"url": "https://10.0.0.1/?x={click_id}"}}, "config.url"),
        ("webhook", {"config": {"url": "ftp://example.com/"}}, "config.url"),
        ("meta", {"config": {"pixel_id": "x"}, "secret": TOKEN}, "config.pixel_id"),
        ("google", {"config": {"time_zone": "Mars"}}, "config.time_zone"),
        ("google", {"goals": ["Not a goal"]}, "goals.0"),
        ("fax", {}, "driver"),
    ],
)
def test_what_a_driver_does_not_understand_is_refused_at_its_field(
    client: FlaskClient, key: dict[str, str], driver: str, fields: dict[str, Any], field: str
) -> None:
    refused = make(client, key, driver, **fields)
    assert (refused.status_code, refused.get_json()["field"]) == (422, field)


def test_a_postback_may_be_changed_after_one_of_its_pools_was_deleted(
    platform: Platform, client: FlaskClient, key: dict[str, str]
) -> None:
    with platform.database.reading() as session:
        caller = caller_of(session.scalars(select(Account)).one())
    pool, other = new_pool(platform, caller, "red1", 1), new_pool(platform, caller, "red2", 0)
    made = make(client, key, "google", pool_ids=[pool.id, other.id]).get_json()
    assert client.delete(f"/api/v1/redirect-pools/{pool.id}", headers=key).status_code == 204
    one = f"{POSTBACKS}/{made['id']}"
    same = {"name": "Other", "pool_ids": [pool.id, other.id]}
    assert client.patch(one, json=same, headers=key).get_json()["name"] == "Other"
    assert client.patch(one, json={"pool_ids": [other.id]}, headers=key).status_code == 200
    refused = client.patch(one, json={"pool_ids": [pool.id]}, headers=key)
    assert refused.get_json()["code"] == "pool_not_found"
    moved = make(client, key, "webhook", config={"url": "https://192.168.0.1/"})
    assert moved.get_json()["code"] == "url_refused"


def test_googles_file_has_a_header_and_other_postbacks_have_no_file(
    client: FlaskClient, key: dict[str, str], receiver: Receiver
) -> None:
    span = {
        "from": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        "to": datetime.now(UTC).isoformat(),
    }
    google = make(client, key, "google").get_json()
    file = client.get(f"{POSTBACKS}/{google['id']}/conversions.csv", query_string=span, headers=key)
    assert (file.mimetype, file.text.splitlines()[0][:15]) == ("text/csv", "Google Click ID")
    other = make(client, key, "webhook", config={"url": receiver.url}).get_json()
    missing = client.get(f"{POSTBACKS}/{other['id']}/conversions.csv", query_string=span, headers=key)
    assert missing.status_code == 404
