"""The REST API of pools and members, with and without the version, for two accounts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from models import AuditEvent
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.fleet.pools.fleet import new_bot

POOLS = "/api/v1/redirect-pools"
Key = dict[str, str]


@pytest.fixture
def owner(platform: Platform) -> Key:
    """The first account's key."""
    return make_key(platform, make_account(platform, "one@example.com"))


@pytest.fixture
def stranger(platform: Platform) -> Key:
    """Another account's key."""
    return make_key(platform, make_account(platform, "two@example.com"))


def bot_of(platform: Platform, email: str = "third@example.com") -> tuple[Key, int]:
    """An account with a bot: its key and the bot's id."""
    account = make_account(platform, email)
    return make_key(platform, account), new_bot(platform, caller_of(account)).id


def make(client: FlaskClient, key: Key, slug: str = "red1", **fields: Any) -> Any:
    """A pool, as the API answers."""
    answer = client.post(POOLS, json={"name": "Red", "slug": slug, **fields}, headers=key)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


@pytest.mark.parametrize("root", ["/api/redirect-pools", POOLS])
def test_a_pool_is_made_shown_changed_and_deleted(client: FlaskClient, owner: Key, root: str) -> None:
    made = client.post(root, json={"name": "Red", "slug": "Red1", "strategy": "weighted"}, headers=owner)
    assert made.status_code == 201
    pool = made.get_json()
    assert (pool["slug"], pool["strategy"], pool["start_param"], pool["is_active"]) == (
        "red1",
        "weighted",
        "acesso",
        True,
    )
    address = f"{root}/{pool['id']}"
    changes = {
        "name": "Blue",
        "strategy": "least_connections",
        "sticky": True,
        "tracking": False,
        "rate_limit_per_minute": 0,
        "over_limit": "redirect",
        "critical_below_percent": 30,
        "fallback_url": "https://example.org/x",
        "is_active": False,
        "max_bots": 3,
        "start_param": "promo",
    }
    changed = client.patch(address, json=changes, headers=owner)
    assert changed.status_code == 200
    shown = client.get(address, headers=owner).get_json()
    assert {name: shown[name] for name in changes} == changes
    assert [one["id"] for one in client.get(root, headers=owner).get_json()["items"]] == [pool["id"]]
    status = client.get(f"{address}/status", headers=owner).get_json()
    assert {"health", "online_bots", "total_bots", "redirects_hour", "capacity_used"} <= status.keys()
    assert client.delete(address, headers=owner).status_code == 204
    assert client.get(address, headers=owner).status_code == 404


def test_a_member_is_added_checked_at_once_changed_and_removed(
    platform: Platform, client: FlaskClient
) -> None:
    key, bot_id = bot_of(platform)
    address = f"{POOLS}/{make(client, key)['id']}/bots"
    added = client.post(address, json={"bot_id": bot_id, "weight": 3, "priority": 1}, headers=key)
    assert added.status_code == 201
    assert (added.get_json()["status"], added.get_json()["weight"], added.get_json()["priority"]) == (
        "checking",
        3,
        1,
    )
    queue = Queue("default", connection=platform.job_redis, serializer=JSONSerializer)
    assert [(job.func_name, list(job.args)) for job in queue.jobs] == [(JobName.CHECK_BOT, [bot_id])]
    changes = {"weight": 0, "priority": -1, "is_enabled": False, "draining": True, "capacity_per_hour": 5}
    public_id = added.get_json()["public_id"]
    changed = client.patch(f"{address}/{public_id}", json=changes, headers=key).get_json()
    assert {name: changed[name] for name in changes} == changes
    assert client.delete(f"{address}/{bot_id}", headers=key).status_code == 204
    assert client.delete(f"{address}/{bot_id}", headers=key).status_code == 404
    assert client.get(address, headers=key).get_json()["items"] == []
    with platform.database.reading() as session:
        kinds = session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id)).all()
    assert [kind for kind in kinds if kind.startswith(("pool", "member"))] == [
        "pool_created",
        "member_added",
        "member_updated",
        "member_removed",
    ]


def test_a_bot_is_in_a_pool_once_and_a_pool_holds_max_bots(platform: Platform, client: FlaskClient) -> None:
    account = make_account(platform)
    key = make_key(platform, account)
    bots = [new_bot(platform, caller_of(account)).id for _ in range(2)]
    pool = make(client, key, max_bots=1)
    address = f"{POOLS}/{pool['id']}/bots"
    assert client.post(address, json={"bot_id": bots[0]}, headers=key).status_code == 201
    again = client.post(address, json={"bot_id": bots[0]}, headers=key)
    assert (again.status_code, again.get_json()["code"]) == (409, "already_member")
    full = client.post(address, json={"bot_id": bots[1]}, headers=key)
    assert (full.status_code, full.get_json()["code"]) == (409, "pool_full")


def test_nothing_of_another_account_can_be_seen_or_touched(
    platform: Platform, client: FlaskClient, stranger: Key
) -> None:
    key, bot_id = bot_of(platform)
    pool = make(client, key)
    client.post(f"{POOLS}/{pool['id']}/bots", json={"bot_id": bot_id}, headers=key)
    own = make(client, stranger, "own1")
    address = f"{POOLS}/{pool['id']}"
    answers = [
        client.get(address, headers=stranger),
        client.get(f"{address}/status", headers=stranger),
        client.get(f"{address}/bots", headers=stranger),
        client.patch(address, json={"name": "x"}, headers=stranger),
        client.delete(address, headers=stranger),
        client.post(f"{address}/bots", json={"bot_id": bot_id}, headers=stranger),
        client.patch(f"{address}/bots/{bot_id}", json={"weight": 2}, headers=stranger),
        client.delete(f"{address}/bots/{bot_id}", headers=stranger),
        client.post(f"{POOLS}/{own['id']}/bots", json={"bot_id": bot_id}, headers=stranger),
        client.patch(f"{POOLS}/{own['id']}", json={"fallback_pool_id": pool["id"]}, headers=stranger),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert [one["id"] for one in client.get(POOLS, headers=stranger).get_json()["items"]] == [own["id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x" * 101}, "name"),
        ({"name": " "}, "name"),
        ({"slug": "ab"}, "slug"),
        ({"slug": "x" * 51}, "slug"),
        ({"slug": "with space"}, "slug"),
        ({"slug": "ünder"}, "slug"),
        ({"slug": "admin"}, "slug"),
        ({"strategy": "best"}, "strategy"),
        ({"start_param": "no spaces"}, "start_param"),
        ({"start_param": "x" * 52}, "start_param"),
        ({"start_param": "promo_ABCDEFGHIJKL"}, "start_param"),
        ({"max_bots": 0}, "max_bots"),
        ({"max_bots": "3"}, "max_bots"),
        ({"rate_limit_per_minute": -1}, "rate_limit_per_minute"),
        ({"over_limit": "drop"}, "over_limit"),
        ({"critical_below_percent": 101}, "critical_below_percent"),
        ({"unknown": 1}, "unknown"),
        ({"fallback_url": "javascript:alert(1)"}, "fallback_url"),
        ({"fallback_url": "data:text/html,x"}, "fallback_url"),
        ({"fallback_url": "http://127.0.0.1/x"}, "fallback_url"),
        ({"fallback_url": "http://10.1.2.3"}, "fallback_url"),
        ({"fallback_url": "http://[::1]/"}, "fallback_url"),
        ({"fallback_url": "http://2130706433/"}, "fallback_url"),
        ({"fallback_url": "http://0x7f.1/"}, "fallback_url"),
        ({"fallback_url": "http://localhost:8000"}, "fallback_url"),
        ({"fallback_url": "https://user:pass@example.org"}, "fallback_url"),
        ({"fallback_url": "https://example.org/\nx"}, "fallback_url"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named_and_nothing_is_saved(
    client: FlaskClient, owner: Key, body: dict[str, Any], field: str
) -> None:
    answer = client.post(POOLS, json={"name": "Red", "slug": "red1", **body}, headers=owner)
    assert (answer.status_code, answer.get_json()["field"]) == (422, field)
    assert client.get(POOLS, headers=owner).get_json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [{"weight": 101}, {"weight": -1}, {"priority": 2}, {"capacity_per_hour": 0}, {"weight": 1.5}],
    ids=str,
)
def test_a_members_wrong_field_is_named(
    platform: Platform, client: FlaskClient, body: dict[str, Any]
) -> None:
    key, bot_id = bot_of(platform)
    address = f"{POOLS}/{make(client, key)['id']}/bots"
    answer = client.post(address, json={"bot_id": bot_id, **body}, headers=key)
    assert (answer.status_code, answer.get_json()["field"]) == (422, next(iter(body)))


def test_a_former_slug_keeps_working_and_is_given_to_nobody_else(
    client: FlaskClient, owner: Key, stranger: Key
) -> None:
    pool = make(client, owner)
    address = f"{POOLS}/{pool['id']}"
    changed = client.patch(address, json={"slug": "red2"}, headers=owner).get_json()
    assert (changed["slug"], changed["former_slugs"]) == ("red2", ["red1"])
    taken = client.post(POOLS, json={"name": "x", "slug": "RED1"}, headers=stranger)
    assert (taken.status_code, taken.get_json()["code"]) == (409, "slug_taken")
    other = make(client, stranger, "other")
    taken = client.patch(f"{POOLS}/{other['id']}", json={"slug": "red1"}, headers=stranger)
    assert (taken.status_code, taken.get_json()["code"]) == (409, "slug_taken")
    assert client.patch(address, json={"slug": "red1"}, headers=owner).get_json()["former_slugs"] == ["red2"]


@pytest.mark.data
def test_of_two_accounts_racing_for_a_slug_one_gets_it(app: Flask, owner: Key, stranger: Key) -> None:
    def claim(number: int) -> tuple[int, str]:
        key = (owner, stranger)[number % 2]
        answer = app.test_client().post(POOLS, json={"name": "x", "slug": "race"}, headers=key)
        return answer.status_code, answer.get_json().get("code", "")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(claim, range(8)))
    assert sorted(answers) == [(201, "")] + [(409, "slug_taken")] * 7


def test_a_new_pool_cannot_fall_back_on_one_that_is_not_there(client: FlaskClient, owner: Key) -> None:
    wanted = {"name": "Red", "slug": "red1", "fallback_pool_id": 987654}
    refused = client.post(POOLS, json=wanted, headers=owner)
    assert (refused.status_code, refused.get_json()["code"]) == (404, "pool_not_found")


def test_fallback_pools_may_not_lead_in_a_circle(client: FlaskClient, owner: Key) -> None:
    first = make(client, owner, "red1")
    second = make(client, owner, "red2", fallback_pool_id=first["id"])
    third = make(client, owner, "red3", fallback_pool_id=second["id"])
    for target in (first, second, third):
        answer = client.patch(
            f"{POOLS}/{first['id']}", json={"fallback_pool_id": target["id"]}, headers=owner
        )
        assert (answer.status_code, answer.get_json()["code"]) == (422, "fallback_circle")
    freed = client.patch(f"{POOLS}/{third['id']}", json={"fallback_pool_id": None}, headers=owner)
    assert freed.get_json()["fallback_pool_id"] is None


def test_a_fallback_address_in_foreign_letters_becomes_one_that_a_header_can_hold(
    client: FlaskClient, owner: Key
) -> None:
    pool = make(client, owner, fallback_url="https://promoção.com.br/olá?x=ã")
    assert pool["fallback_url"] == "https://xn--promoo-7ta5a.com.br/ol%C3%A1?x=%C3%A3"


def test_a_key_for_reading_changes_nothing(platform: Platform, client: FlaskClient) -> None:
    key = make_key(platform, make_account(platform), "read")
    assert client.get(POOLS, headers=key).status_code == 200
    assert client.post(POOLS, json={"name": "x", "slug": "red1"}, headers=key).status_code == 403
