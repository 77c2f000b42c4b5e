"""REST API of notifications and their destinations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key, sign_in
from tools.servers.receivers import Receiver, http_receiver

PATH = "/api/v1/notification-destinations"
PARAMS = {"bot": "x", "pool": "P", "health": 75, "online": 3, "total": 4, "cause": "", "reason": ""}


@pytest.fixture
def key(platform: Platform) -> dict[str, str]:
    return make_key(platform, make_account(platform))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as running:
        yield running


def tell(platform: Platform, count: int) -> None:
    """So many notifications of the first account."""
    kind = Kind.MEMBER_OFFLINE
    with platform.database.transaction() as session:
        for number in range(count):
            notify(session, 1, kind, kind.level, f"n{number}", PARAMS)


def add(client: FlaskClient, key: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"kind": "webhook", **body}, headers=key)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def test_notifications_are_listed_newest_first_page_by_page_and_marked_read(
    client: FlaskClient, platform: Platform, key: dict[str, str]
) -> None:
    tell(platform, 3)
    first = client.get("/api/v1/notifications?limit=2", headers=key).get_json()
    rest = client.get(f"/api/v1/notifications?limit=2&cursor={first['next']}", headers=key).get_json()
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    assert rest["next"] is None
    assert first["items"][0]["kind"] == "member_offline"
    answer = client.post("/api/v1/notifications/read", json={"ids": ids[:1]}, headers=key)
    assert answer.get_json() == {"marked": 1, "unread": 2}


def test_the_secret_is_shown_once(client: FlaskClient, key: dict[str, str], receiver: Receiver) -> None:
    made = add(client, key, url=f"{receiver.url}/canary", name="Mine")
    assert made["secret"].startswith("whsec_")
    listed = client.get(PATH, headers=key)
    assert made["secret"] not in listed.text
    assert "canary" not in listed.text
    assert listed.get_json()["items"][0]["state"] == "untried"


def test_a_test_tells_at_once_what_came_of_it(
    client: FlaskClient, key: dict[str, str], receiver: Receiver, platform: Platform
) -> None:
    made = add(client, key, url=receiver.url)
    test = f"{PATH}/{made['id']}/test"
    assert client.post(test, headers=key).get_json() == {"delivered": True, "error": None, "permanent": False}
    assert client.post(test, headers=key).status_code == 429
    platform.redis.flushall()
    receiver.answers = [(403, {})]
    failed = client.post(test, headers=key).get_json()
    assert failed == {"delivered": False, "error": "The receiver answered 403", "permanent": True}
    portuguese = {**key, "Accept-Language": "pt"}
    shown = client.get(f"{PATH}/{made['id']}", headers=portuguese).get_json()
    assert (shown["state"], shown["last_error"]) == ("refused", "O receptor respondeu 403")


def test_quiet_hours_and_rules_are_changed_and_ended(
    client: FlaskClient, key: dict[str, str], receiver: Receiver
) -> None:
    quiet = {"from": "22:00", "until": "07:00", "time_zone": "Europe/Lisbon", "critical_passes": False}
    made = add(client, key, url=receiver.url, quiet=quiet, rules=[{"min_level": "critical"}])
    assert made["quiet"] == quiet
    one = f"{PATH}/{made['id']}"
    kept = client.patch(one, json={"name": "New"}, headers=key).get_json()
    assert (kept["name"], kept["quiet"], len(kept["rules"])) == ("New", quiet, 1)
    ended = client.patch(one, json={"quiet": None, "rules": []}, headers=key).get_json()
    assert (ended["quiet"], ended["rules"]) == (None, [])
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).status_code == 404


def test_a_wrong_field_is_named(client: FlaskClient, key: dict[str, str]) -> None:
    quiet = {"from": "22:00", "until": "07:00", "time_zone": "Mars/North"}
    answer = client.post(
        PATH, json={"kind": "webhook", "url": "http://127.0.0.1:1", "quiet": quiet}, headers=key
    )
    assert answer.status_code == 422
    assert answer.get_json()["field"] == "quiet.time_zone"


def test_deliveries_show_attempts_and_errors(
    client: FlaskClient, platform: Platform, key: dict[str, str], receiver: Receiver
) -> None:
    made = add(client, key, url=receiver.url)
    tell(platform, 1)
    (item,) = client.get(f"{PATH}/{made['id']}/deliveries", headers=key).get_json()["items"]
    assert (item["status"], item["attempts"], item["kind"]) == ("pending", 0, "member_offline")


def test_the_page_shows_destinations_and_teaches_where_there_are_none(
    client: FlaskClient, platform: Platform, key: dict[str, str], receiver: Receiver
) -> None:
    sign_in(client)
    assert "três da manhã" in client.get("/panel/notifications").text
    made = add(client, key, url=f"{receiver.url}/canary", name="Meu programa")
    page = client.get("/panel/notifications").text
    assert "Meu programa" in page
    assert made["secret"] not in page
    assert "canary" not in page
