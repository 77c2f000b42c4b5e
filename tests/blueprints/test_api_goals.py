"""Goals over the REST API: noted once, by person or by click, listed by filter, refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, Bot
from services.core.times import utc_now
from services.platform.platform import Platform
from services.traffic.clicks.flush import flush
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.fleet.pools.fleet import new_pool
from tests.services.traffic.clicks.clicking import User, click, payload_of, record_start, unstarted

GOALS = "/api/v1/goals"


@pytest.fixture
def account(platform: Platform) -> Account:
    return make_account(platform)


@pytest.fixture
def key(platform: Platform, account: Account) -> dict[str, str]:
    return make_key(platform, account)


@pytest.fixture
def payload(platform: Platform, account: Account) -> str:
    """The start payload of a click that became a start of the key's account."""
    new_pool(platform, caller_of(account), "red1", 1)
    outcome = click(unstarted(platform), QUERY_STRING="utm_source=fb")
    with platform.database.transaction() as session:
        bot = session.scalars(select(Bot)).one()
        text = payload_of(outcome)
        record_start(session, bot=bot, update_id=1, user=User(), payload=text, at=utc_now())
    flush(platform)
    return text


def note(client: FlaskClient, key: dict[str, str], event_id: str, **fields: Any) -> Any:
    body = {"goal": "purchase", "event_id": event_id, "telegram_id": User.id, **fields}
    return client.post(
        GOALS, json={name: value for name, value in body.items() if value is not None}, headers=key
    )


def test_a_goal_is_noted_once_by_person_and_by_click(
    client: FlaskClient, key: dict[str, str], payload: str
) -> None:
    by_person = note(client, key, "1", value="9.90", currency="BRL")
    again = note(client, key, "1", value="19.90", currency="BRL")
    assert (by_person.status_code, again.get_json()) == (201, by_person.get_json())
    by_click = note(client, key, "2", telegram_id=None, click_id=payload, goal="lead").get_json()
    assert by_click["telegram_id"] == User.id
    found = client.get(GOALS, headers=key).get_json()["items"]
    assert [(one["event_id"], one["amount_micros"], one["click_source"]) for one in found] == [
        ("2", None, "fb"),
        ("1", 9_900_000, "fb"),
    ]
    page = client.get(f"{GOALS}?limit=1", headers=key).get_json()
    rest = client.get(f"{GOALS}?cursor={page['next']}&goal=purchase", headers=key).get_json()["items"]
    assert [one["event_id"] for one in rest] == ["1"]
    assert client.get(f"{GOALS}?source=flow", headers=key).get_json()["items"] == []


def test_what_makes_no_goal_is_refused(
    platform: Platform, client: FlaskClient, key: dict[str, str], payload: str
) -> None:
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"goal": "Paid"}, 422, "invalid_input"),
        ({"value": "9,90", "currency": "BRL"}, 422, "goal_value"),
        ({"value": "9.90"}, 422, "goal_value"),
        ({"value": "1e2000000", "currency": "BRL"}, 422, "goal_value"),
        ({"at": "0001-01-01T00:00:00+14:00"}, 422, "invalid_input"),
        ({"telegram_id": None}, 422, "goal_without_person"),
        ({"telegram_id": 12}, 404, "person_not_found"),
        ({"bot_id": 999}, 404, "bot_not_found"),
        ({"click_id": "x"}, 404, "click_not_found"),
        ({"at": "2090-01-01T00:00:00Z"}, 422, "invalid_input"),
    ]
    for fields, status, code in refused:
        answer = note(client, key, "1", **fields)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), fields
    stranger = make_key(platform, make_account(platform, "stranger@example.org"))
    assert note(client, stranger, "1").status_code == 404
    assert note(client, stranger, "1", telegram_id=None, click_id=payload).status_code == 404
    assert client.get(GOALS, headers=stranger).get_json()["items"] == []
