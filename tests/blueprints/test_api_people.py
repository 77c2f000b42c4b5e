"""People, segments and conversations over REST, and their pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from models import Account, ChatMessage, Conversation, Lead
from services.core.times import utc_now
from services.messaging.inbox.texts import sealed_text
from services.platform.platform import Platform
from services.traffic.audience.changing import go_on
from tests.blueprints.people import caller_of, make_account, make_key, sign_in
from tests.services.fleet.pools.fleet import new_bot

PEOPLE, SEGMENTS, TALKS = "/api/v1/people", "/api/v1/segments", "/api/v1/conversations"
PAID = {"tags_any": ["paid"]}


@pytest.fixture
def account(platform: Platform) -> Account:
    return make_account(platform)


@pytest.fixture
def key(platform: Platform, account: Account) -> dict[str, str]:
    return make_key(platform, account)


@pytest.fixture
def talk(platform: Platform, account: Account) -> int:
    """A bot that keeps messages, with Ana, who paid and wrote, and Rui; the number of Ana's conversation."""
    bot = new_bot(platform, caller_of(account), keeps_messages=True)
    with platform.database.transaction() as session:
        known = {"account_id": account.id, "bot_id": bot.id}
        session.add(Lead(**known, telegram_id=5, first_name="Ana", tags=["paid"]))
        session.add(Lead(**known, telegram_id=6, first_name="Rui"))
        text = sealed_text(platform.vault, bot.id, "Is it <b>paid</b>?")
        said = {"direction": "in", "kind": "text", "update_id": 1, "sealed_text": text}
        session.add(ChatMessage(bot_id=bot.id, telegram_id=5, **said))
        now = utc_now()
        row = Conversation(**known, telegram_id=5, unanswered_since=now, last_message_at=now)
        session.add(row)
        session.flush()
        return row.id


def where(**conditions: Any) -> dict[str, str]:
    return {"where": json.dumps(conditions)}


def test_people_are_found_counted_and_tagged(
    client: FlaskClient, key: dict[str, str], platform: Platform, talk: int
) -> None:
    def found(**conditions: Any) -> list[str]:
        answer = client.get(PEOPLE, query_string=where(**conditions), headers=key).get_json()
        return [each["name"] for each in answer["items"]]

    assert sorted(found()) == ["Ana", "Rui"]
    assert found(**PAID) == ["Ana"]
    assert client.get(f"{PEOPLE}/count", query_string=where(**PAID), headers=key).get_json() == {"people": 1}
    wrong = client.get(PEOPLE, query_string=where(tag="paid"), headers=key)
    assert (wrong.status_code, wrong.get_json()["field"]) == (422, "where.tag")
    assert client.get(PEOPLE, query_string={"where": "{"}, headers=key).status_code == 422
    for condition in (
        {"words": "a\0"},
        {"tags_any": ["\ud800"]},
        {"seen_after": "0001-01-01T00:00:00+14:00"},
    ):
        wrong = client.get(PEOPLE, query_string=where(**condition), headers=key)
        assert (wrong.status_code, wrong.get_json()["field"].split(".")[0]) == (422, "where")
    body = {"action": "tag", "tag": "vip", "conditions": {"tags_none": ["paid"]}}
    made = client.post(f"{PEOPLE}/changes", json=body, headers=key)
    assert (made.status_code, made.get_json()["total"]) == (201, 1)
    go_on(platform, made.get_json()["id"])
    done = client.get(made.headers["Location"], headers=key).get_json()
    assert (done["changed"], done["ended_at"] is not None) == (1, True)
    assert found(tags_any=["vip"]) == ["Rui"]
    past = client.get(f"{PEOPLE}/5/timeline", headers=key).get_json()
    assert [each["details"]["text"] for each in past["items"]] == ["Is it <b>paid</b>?"]


def test_a_segment_is_made_counted_changed_and_deleted(
    client: FlaskClient, key: dict[str, str], talk: int
) -> None:
    made = client.post(SEGMENTS, json={"name": " Paid ", "conditions": PAID}, headers=key)
    assert (made.status_code, made.get_json()["name"]) == (201, "Paid")
    one = made.headers["Location"]
    assert client.get(one, headers=key).get_json()["people"] == 1
    again = client.post(SEGMENTS, json={"name": "Paid", "conditions": {}}, headers=key)
    assert (again.status_code, again.get_json()["code"]) == (409, "segment_exists")
    assert client.patch(one, json={"conditions": {}}, headers=key).get_json()["conditions"] == {}
    assert len(client.get(SEGMENTS, headers=key).get_json()["items"]) == 1
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).status_code == 404


def test_a_conversation_is_read_answered_given_away_and_done(
    client: FlaskClient, key: dict[str, str], talk: int
) -> None:
    [listed] = client.get(TALKS, headers=key).get_json()["items"]
    assert (listed["id"], listed["last_text"]) == (talk, "Is it <b>paid</b>?")
    one = f"{TALKS}/{talk}"
    body = {"text": "Yes", "form_key": "a-form-key", "revision": listed["revision"]}
    sent = client.post(f"{one}/answers", json=body, headers=key)
    assert (sent.status_code, sent.get_json()["status"]) == (201, "sending")
    late = client.post(f"{one}/answers", json={**body, "form_key": "another-key"}, headers=key)
    assert (late.status_code, late.get_json()["code"]) == (409, "answered_meanwhile")
    assert client.get(TALKS, headers=key).get_json()["items"] == []
    given = client.put(f"{one}/assignment", json={"name": "Rui", "revision": 2}, headers=key).get_json()
    assert (given["assigned_to"], given["revision"]) == ("Rui", 3)
    assert client.put(f"{one}/takeover", json={"minutes": 5}, headers=key).get_json()["taken_over_until"]
    assert client.delete(f"{one}/takeover", headers=key).status_code == 204
    assert client.post(f"{one}/done", headers=key).get_json()["unanswered_since"] is None
    everybody = client.get(TALKS, query_string={"view": "all", "assigned_to": "Rui"}, headers=key)
    assert len(everybody.get_json()["items"]) == 1
    place = f"/api/v1/bots/{listed['bot_id']}/messages"
    kept = client.put(place, json={"keeps_messages": False}, headers=key).get_json()
    assert kept == {"keeps_messages": False, "days": 90}
    refused = client.post(
        f"{one}/answers", json={**body, "form_key": "third-key", "revision": 4}, headers=key
    )
    assert refused.get_json()["code"] == "messages_not_kept"


def test_the_pages_show_what_people_wrote_as_text_alone(client: FlaskClient, talk: int) -> None:
    sign_in(client)
    pages = ("/panel/people", "/panel/people/5", "/panel/inbox", f"/panel/inbox/{talk}")
    texts = [client.get(page).text for page in pages]
    assert all("<b>paid</b>" not in text for text in texts)
    assert ["Ana" in text for text in texts] == [True] * 4
    assert client.get("/panel/people/777").status_code == 404
    asked = client.get("/panel/live/people", query_string=where(**PAID)).get_json()
    assert (asked["count"], [each["name"] for each in asked["people"]]) == (1, ["Ana"])
    assert client.get("/panel/live/inbox").get_json()["waiting"] == 1
    assert client.get(f"/panel/live/inbox/{talk}").get_json()["talk"]["id"] == talk
