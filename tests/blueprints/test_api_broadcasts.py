"""Broadcasts over the REST API: what is accepted, and with which code everything else is refused."""

from __future__ import annotations

import csv
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from models import Broadcast, BroadcastRecipient, Flow, FlowVersion, Goal, Lead
from services.core.times import utc_now
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key, sign_in
from tools.servers.fleet import add_bot
from tools.servers.sandbox import Sandbox

PATH = "/api/v1/broadcasts"
TEXT = {"message": {"text": "Hi {first_name}"}}


@pytest.fixture
def key(platform: Platform) -> dict[str, str]:
    return make_key(platform, make_account(platform))


def made(client: FlaskClient, key: dict[str, str], **fields: Any) -> Any:
    return client.post(PATH, json={"name": "News", "variants": [TEXT], **fields}, headers=key)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"variants": [{**TEXT, "percent": 50}]}, "percent_not_100"),
        ({"variants": [{"message": {"text": "<b>open"}}]}, "text_tag_unclosed"),
        ({"per_second": 100}, "broadcast_unpaid"),
        ({"quiet": {"begin": "22:00", "end": "08:00", "time_zone": "Mars/Olympus"}}, "time_zone_unknown"),
        ({"audience": {"bots": [77]}}, "bot_not_found"),
        ({"audience": {"pools": [77]}}, "pool_not_found"),
        (
            {
                "variants": [
                    {"message": {"text": "x", "buttons": [[{"kind": "step", "text": "x", "step": "a"}]]}}
                ]
            },
            "broadcast_button",
        ),
        ({"variants": [{}]}, "invalid_input"),
        ({"variants": [{**TEXT, "step": {"flow": "sale", "step": "offer"}}]}, "invalid_input"),
        ({"variants": [{"step": {"flow": "sale", "step": "offer"}}]}, "broadcast_flow_unknown"),
    ],
)
def test_what_could_not_be_sent_is_not_saved(
    client: FlaskClient, key: dict[str, str], fields: dict[str, Any], code: str
) -> None:
    answer = made(client, key, **fields)
    assert (answer.status_code in (404, 422), answer.get_json()["code"]) == (True, code)
    assert client.get(PATH, headers=key).get_json()["items"] == []


def test_a_broadcast_is_counted_scheduled_taken_back_changed_and_deleted(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    bot = add_bot(platform, sandbox.create_bot())
    owner = make_account(platform)
    key = make_key(platform, owner)
    with platform.database.transaction() as session:
        session.execute(update(type(bot)).values(account_id=owner.id))
        session.add_all(Lead(account_id=owner.id, bot_id=bot.id, telegram_id=n) for n in range(1, 61))
    one = made(client, key, audience={"bots": [bot.id]}, per_second=20).headers["Location"]
    plan = client.get(f"{one}/plan", headers=key).get_json()
    assert (plan["people"], plan["seconds"], plan["stars"]) == (60, 3, 0)
    assert plan["bots"] == [{"bot_id": bot.id, "name": bot.username, "people": 60}]
    later = client.post(f"{one}/start", json={"at": "2099-01-01T00:00:00Z"}, headers=key).get_json()
    assert (later["status"], later["scheduled_at"][:4]) == ("scheduled", "2099")
    assert client.patch(one, json={"name": "Other"}, headers=key).get_json()["code"] == "broadcast_started"
    assert client.post(f"{one}/pause", headers=key).get_json()["code"] == "broadcast_state"
    assert client.post(f"{one}/unschedule", headers=key).get_json()["status"] == "draft"
    assert client.patch(one, json={"name": "Other"}, headers=key).get_json()["name"] == "Other"
    past = client.post(f"{one}/start", json={"at": "2001-01-01T00:00:00Z"}, headers=key)
    assert past.get_json()["code"] == "moment_past"
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).status_code == 404


def test_a_step_of_ones_own_flow_is_shown_and_kept_and_somebody_elses_is_unknown(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    bot = add_bot(platform, sandbox.create_bot(), (("flow", {"flow": "sale"}),))
    mine, theirs = make_account(platform), make_account(platform, "other@example.com")
    steps = [{"key": "offer", "messages": [{"text": "Only today"}]}]
    document = {"start": "offer", "steps": steps, "variables": {}}
    with platform.database.transaction() as session:
        session.execute(update(type(bot)).values(account_id=mine.id))
        flow = Flow(account_id=mine.id, key="sale", name="Sale", draft={}, draft_by="test", published=1)
        session.add(flow)
        session.flush()
        session.add(FlowVersion(flow_id=flow.id, number=1, document=document, published_by="test", moves={}))
    step = {"flow": "sale", "step": "offer"}
    key, other = make_key(platform, mine), make_key(platform, theirs)
    one = made(client, key, variants=[{"step": step}]).get_json()
    assert (one["variants"][0]["step"], one["variants"][0]["message"]) == (step, None)
    shown = client.post(f"{PATH}/preview", json={"step": step, "has_opt_out": False}, headers=key).get_json()
    assert [each["blocks"][0]["runs"][0]["text"] for each in shown["messages"]] == ["Only today"]
    for refused in (
        made(client, other, variants=[{"step": step}]),
        client.post(f"{PATH}/preview", json={"step": step}, headers=other),
    ):
        assert (refused.status_code, refused.get_json()["code"]) == (422, "broadcast_flow_unknown")


def test_the_ledger_is_a_file_and_the_results_tell_the_texts_apart(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    bot, owner = add_bot(platform, sandbox.create_bot()), make_account(platform)
    key = make_key(platform, owner)
    halves = [{"name": name, "percent": 50, "message": {"text": name}} for name in "AB"]
    one = made(client, key, variants=halves, goal_tag="paid").headers["Location"]
    with platform.database.transaction() as session:
        (broadcast,) = session.query(Broadcast)
        broadcast.status, broadcast.recipients = "done", 2
        broadcast.counts = {"sent": 1, "blocked": 1, "causes": {"blocked": 1}}
        session.add(Lead(account_id=owner.id, bot_id=bot.id, telegram_id=7, tags=["paid"]))
        row = {"broadcast_id": broadcast.id, "bot_id": bot.id}
        session.add(BroadcastRecipient(**row, telegram_id=7, variant=1, status="sent", message_id=3))
        session.add(BroadcastRecipient(**row, telegram_id=8, status="blocked", cause="blocked"))
    head, *lines = csv.reader(client.get(f"{one}/ledger", headers=key).text.splitlines())
    assert head == ["telegram_id", "bot_id", "variant", "status", "cause", "message_id", "at"]
    assert [line[:4] for line in lines] == [
        ["7", str(bot.id), "B", "sent"],
        ["8", str(bot.id), "A", "blocked"],
    ]
    first, second = client.get(f"{one}/results", headers=key).get_json()
    assert (first["sent"], second["sent"], second["reached_goal"]) == (0, 1, 1)
    counts = client.get(f"{one}/progress", headers=key).get_json()["broadcast"]["counts"]
    assert (counts["sent"], counts["blocked"], counts["left"]) == (1, 1, 0)
    sign_in(client)  # the page asks each second: all recipients are looked at only where it says so
    page = f"/panel/live/broadcasts/{broadcast.id}"
    assert "results" not in client.get(page).get_json()
    assert len(client.get(page, query_string={"results": "true"}).get_json()["results"]) == 2


def test_a_goal_counts_when_it_was_reached_after_the_message(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    bot, owner = add_bot(platform, sandbox.create_bot()), make_account(platform)
    key = make_key(platform, owner)
    one = made(client, key, goal_tag="paid").headers["Location"]
    sent_at = utc_now()
    with platform.database.transaction() as session:
        (broadcast,) = session.query(Broadcast)
        broadcast.status = "done"
        for person, hours in ((1, -1), (2, 1), (3, None)):
            about = {"account_id": owner.id, "bot_id": bot.id, "telegram_id": person}
            session.add(Lead(**about, tags=["paid"] if person == 1 else []))
            session.add(
                BroadcastRecipient(
                    broadcast_id=broadcast.id, bot_id=bot.id, telegram_id=person, status="sent", at=sent_at
                )
            )
            if hours is not None:
                at = sent_at + timedelta(hours=hours)
                session.add(Goal(**about, goal="paid", event_id=f"e{person}", source="api", at=at))
    (result,) = client.get(f"{one}/results", headers=key).get_json()
    assert (result["sent"], result["reached_goal"]) == (3, 1)


def test_a_message_is_shown_as_telegram_shows_it(client: FlaskClient, key: dict[str, str]) -> None:
    message = {
        "text": "<b>Sale</b>",
        "buttons": [[{"kind": "url", "text": "Go", "url": "https://example.org"}]],
    }
    shown = client.post(f"{PATH}/preview", json={"message": message}, headers=key).get_json()["messages"][0]
    assert shown["blocks"][0]["runs"][0] == {
        **shown["blocks"][0]["runs"][0],
        "text": "Sale",
        "styles": ["bold"],
    }
    assert [[button["text"] for button in row] for row in shown["rows"]] == [["Go"], ["🔕 Não quero mais"]]
