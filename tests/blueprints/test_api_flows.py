"""Flows over the REST API: from a template to a version, back, as files, and a chat that is played."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Lead, Timer
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key
from tests.services.fleet.pools.fleet import new_bot

FLOWS = "/api/v1/flows"
END = {"kind": "end"}


@pytest.fixture
def key(platform: Platform) -> dict[str, str]:
    return make_key(platform, make_account(platform))


def of_steps(*names: str) -> dict[str, Any]:
    return {
        "start": names[0],
        "steps": [{"key": name, "messages": [{"text": name}], "then": END} for name in names],
    }


def test_a_template_becomes_a_flow_that_bots_play_and_comes_back(
    client: FlaskClient, key: dict[str, str]
) -> None:
    offered = client.get(f"{FLOWS}/templates", headers=key).get_json()["items"]
    made = client.post(FLOWS, json={"name": "Vídeo", "template": offered[0]["name"]}, headers=key)
    assert (made.status_code, made.get_json()["key"]) == (201, "video")
    one, draft = made.headers["Location"], made.get_json()["draft"]
    findings = client.get(f"{one}/check", headers=key).get_json()["items"]
    assert [(each["code"], each["step"]) for each in findings] == [("flow_media_missing", "video")]
    wanted = {"revision": 1, "version": None}
    refused = client.post(f"{one}/publish", json=wanted, headers=key)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "flow_has_errors")
    draft["steps"][0]["messages"][0]["media"] = "https://example.org/video.mp4"
    saved = client.put(f"{one}/draft", json={"document": draft, "revision": 1}, headers=key).get_json()
    assert (saved["revision"], saved["is_changed"], saved["published"]) == (2, True, None)
    stale = client.put(f"{one}/draft", json={"document": {}, "revision": 1}, headers=key)
    assert (stale.status_code, stale.get_json()["code"]) == (409, "draft_changed")
    first = client.post(f"{one}/publish", json={**wanted, "revision": 2}, headers=key)
    assert first.get_json() == {"number": 1}
    assert client.get(one, headers=key).get_json()["is_changed"] is False

    document = of_steps("video")
    client.put(f"{one}/draft", json={"document": document, "revision": 2}, headers=key)
    shown = client.get(f"{one}/impact", headers=key).get_json()
    assert (shown["revision"], shown["version"], len(shown["removed"])) == (3, 1, 6)
    wanted = {"revision": 3, "version": 1}
    missing = client.post(f"{one}/publish", json=wanted, headers=key).get_json()
    assert (missing["code"], missing["field"]) == ("moves_missing", "moves")
    moves = {each["step"]: None for each in shown["removed"]}
    assert (
        client.post(f"{one}/publish", json={**wanted, "moves": moves}, headers=key).get_json()["number"] == 2
    )
    overtaken = client.post(f"{one}/publish", json={**wanted, "moves": moves}, headers=key)
    assert (overtaken.status_code, overtaken.get_json()["code"]) == (409, "flow_published")

    assert client.get(f"{one}/versions/1/impact", headers=key).get_json()["removed"] == []
    back = client.post(f"{one}/versions/1/restore", json={"version": 2}, headers=key)
    assert back.get_json() == {"number": 3}
    listed = client.get(f"{one}/versions?limit=2", headers=key).get_json()
    assert [(each["number"], each["restores"]) for each in listed["items"]] == [(3, 1), (2, None)]
    rest = client.get(f"{one}/versions?cursor={listed['next']}", headers=key).get_json()
    assert [each["number"] for each in rest["items"]] == [1]
    assert client.get(f"{one}/versions/3", headers=key).get_json()["document"] == draft
    assert client.get(f"{one}/versions/4", headers=key).get_json()["code"] == "version_not_found"


def test_flows_are_listed_renamed_and_deleted(client: FlaskClient, key: dict[str, str]) -> None:
    for name in ("One", "Two", "Three"):
        client.post(FLOWS, json={"name": name, "document": of_steps("a")}, headers=key)
    page = client.get(f"{FLOWS}?limit=2", headers=key).get_json()
    assert [each["key"] for each in page["items"]] == ["one", "two"]
    assert "draft" not in page["items"][0]
    rest = client.get(f"{FLOWS}?cursor={page['next']}", headers=key).get_json()
    assert ([each["key"] for each in rest["items"]], rest["next"]) == (["three"], None)
    one = f"{FLOWS}/{page['items'][0]['id']}"
    renamed = client.patch(one, json={"name": "First"}, headers=key).get_json()
    assert (renamed["name"], renamed["key"]) == ("First", "one")
    assert client.patch(one, json={}, headers=key).get_json()["name"] == "First"
    assert "steps" in client.get(f"{FLOWS}/schema", headers=key).get_json()["properties"]
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).status_code == 404


def test_files_go_out_and_come_back(client: FlaskClient, key: dict[str, str]) -> None:
    made = client.post(FLOWS, json={"name": "A", "document": of_steps("a", "b")}, headers=key)
    one = made.headers["Location"]
    exported = client.get(f"{one}/yaml", headers=key)
    assert exported.content_type == "application/yaml; charset=utf-8"
    copied = client.post(FLOWS, json={"name": "B", "yaml": exported.text}, headers=key).get_json()
    assert copied["draft"] == of_steps("a", "b")
    changed = exported.text.replace("text: 'a'", "text: A")
    saved = client.put(f"{one}/yaml", json={"document": changed, "revision": 1}, headers=key).get_json()
    assert saved["draft"]["steps"][0]["messages"][0]["text"] == "A"
    wrong = client.put(f"{one}/yaml", json={"document": "start: [", "revision": 2}, headers=key).get_json()
    assert (wrong["code"], wrong["field"]) == ("yaml_malformed", "document")
    body = {"document": exported.text.replace("kind: end", "kind: goto\n    step: z")}
    lines = client.post(f"{FLOWS}/yaml/check", json=body, headers=key).get_json()["items"]
    assert {(each["code"], each["severity"]) for each in lines} >= {("flow_step_missing", "error")}

    texts = client.get(f"{one}/texts", headers=key).text
    assert texts == "## a.messages.0.text\nA\n\n## b.messages.0.text\nb\n"
    body = {"document": texts.replace("\nb\n", "\nBe\n")}
    plan = client.put(f"{one}/texts", json=body, headers=key).get_json()
    assert (plan["changes"][0]["new"], plan["applied"]) == ("Be", False)
    assert client.put(f"{one}/texts", json={**body, "if_plan": plan["plan"]}, headers=key).get_json()[
        "applied"
    ]
    problems = client.post(f"{one}/texts/check", json={"document": "x"}, headers=key).get_json()["items"]
    assert problems[0]["code"] == "texts_before_header"


def test_a_flow_is_checked_and_played_before_it_is_saved(client: FlaskClient, key: dict[str, str]) -> None:
    document = of_steps("a", "b")
    found = client.post(f"{FLOWS}/check", json={"document": document}, headers=key).get_json()["items"]
    assert [(each["code"], each["severity"], each["place"]) for each in found] == [
        ("flow_step_unreachable", "warning", ["steps", 1])
    ]
    body = {"document": document, "script": [{"seconds": 60}], "from_step": "b"}
    played = client.post(f"{FLOWS}/simulate", json=body, headers=key).get_json()
    assert (played["step"], played["status"], played["seconds"]) == ("b", "ended", 60)


def test_people_of_the_own_bots_are_put_at_a_step(
    client: FlaskClient, platform: Platform, key: dict[str, str]
) -> None:
    account, stranger = make_account(platform, "a@example.com"), make_account(platform, "b@example.com")
    own = make_key(platform, account)
    made = client.post(FLOWS, json={"name": "Main", "document": of_steps("a", "b")}, headers=own)
    one = made.headers["Location"]
    mine, other = (
        new_bot(platform, whose) for whose in (Principal(account.id, "test"), Principal(stranger.id, "test"))
    )
    with platform.database.transaction() as session:
        session.add_all(
            Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=5) for bot in (mine, other)
        )
    people = [{"bot_id": bot.id, "telegram_id": person} for bot in (mine, other) for person in (5, 6)]

    def start(**more: Any) -> Any:
        return client.post(f"{one}/start", json={"people": [*people, people[0]], **more}, headers=own)

    assert (start().status_code, start().get_json()["code"]) == (409, "flow_unpublished")
    client.post(f"{one}/publish", json={"revision": 1, "version": None}, headers=own)
    assert (start(step="c").status_code, start(step="c").get_json()["code"]) == (422, "flow_step_missing")
    assert start(step="b").get_json() == {"people": 1, "unknown": 3}
    with platform.database.reading() as session:
        [timer] = session.scalars(select(Timer))
    assert (timer.bot_id, timer.chat_id, timer.note) == (mine.id, 5, {"flow": "main", "step": "b"})
    assert client.post(f"{one}/start", json={"people": people}, headers=key).status_code == 404
    assert client.post(f"{one}/start", json={"people": people * 251}, headers=own).status_code == 422
