"""What a bot says, seen before it is said: the preview, and a test sent through the outbox to somebody whom the bot knows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import AuditEvent, Bot, Lead, NotificationDestination, Start
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.blueprints.people import make_account, make_key
from tools.servers.fleet import stream

NOW = utc_now()


@pytest.fixture
def people(platform: Platform, bot: Bot) -> None:
    """Ten who pressed Start, the first one last; the third blocks the bot."""
    with platform.database.transaction() as session:
        for number in range(1, 11):
            state = "blocked" if number == 3 else "active"
            facts = {"account_id": bot.account_id, "bot_id": bot.id, "first_name": f"P{number} <"}
            lead = Lead(telegram_id=number, state=state, **facts)
            session.add(lead)
            session.flush()
            at = NOW - timedelta(minutes=number)
            session.add(Start(bot_id=bot.id, update_id=number, lead_id=lead.id, at=at))


def link(platform: Platform, bot: Bot, chat: int, through: int | None) -> None:
    """A destination of the bot's owner in a chat."""
    with platform.database.transaction() as session:
        session.add(
            NotificationDestination(
                account_id=bot.account_id, kind="telegram", name="", address=str(chat), bot_id=through
            )
        )


def sent(platform: Platform, bot: Bot) -> list[dict[str, Any]]:
    return [json.loads(f["call"])["params"] for _, f in stream(platform, keys.outbox(bot.id, "reply"))]


def test_the_preview_shows_what_is_typed_filled_in(
    client: FlaskClient, bot: Bot, key: dict[str, str]
) -> None:
    body = {"plugin": "start", "config": {"welcome_message": "<b>Oi</b> {first_name} da {bot_name}"}}
    url = f"/api/v1/bots/{bot.id}/texts/preview"
    [text] = client.post(url, json=body, headers=key).get_json()["items"]
    runs = [(run["text"], run["styles"]) for run in text["blocks"][0]["runs"]]
    assert (text["field"], runs) == ("welcome_message", [("Oi", ["bold"]), (" Ana da Loja", [])])
    body["config"] = {"welcome_message": "<b>Oi"}
    refused = client.post(url, json=body, headers=key)
    assert (refused.status_code, refused.get_json()["field"]) == (422, "start.welcome_message")


@pytest.mark.usefixtures("people")
def test_own_chats_come_first_and_then_who_pressed_start_last(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    link(platform, bot, 9, None)  # known to the bot as well
    link(platform, bot, 77, bot.id)  # linked by this bot
    link(platform, bot, 88, None)  # by another: this one cannot write there
    link(platform, bot, -5, bot.id)  # a group
    listed = client.get(f"/api/v1/bots/{bot.id}/texts/recipients", headers=key).get_json()["items"]
    assert [(each["telegram_id"], each["is_own"]) for each in listed] == [
        (9, True),
        (77, True),
        *((number, False) for number in (1, 2, 4, 5, 6, 7)),
    ]
    assert (listed[2]["name"], listed[1]["name"]) == ("P1 <", "")


@pytest.mark.usefixtures("people")
def test_a_test_goes_through_the_outbox_in_the_person_s_name_and_into_the_audit_trail(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    url = f"/api/v1/bots/{bot.id}/texts/test"
    text = {"plugin": "start", "config": {"welcome_message": "Oi {first_name}!"}, "field": "welcome_message"}
    link(platform, bot, 77, bot.id)

    def test(**changes: Any) -> tuple[int, str]:
        platform.redis.delete(keys.recent_test(f"bot:{bot.id}"))
        answer = client.post(url, json={**text, "telegram_id": 1, **changes}, headers=key)
        return answer.status_code, answer.get_json()["code"] if answer.data else ""

    assert test() == (204, "")
    assert client.post(url, json={**text, "telegram_id": 1}, headers=key).status_code == 429
    assert test(telegram_id=77) == (204, "")
    for stranger in (3, 99):
        assert test(telegram_id=stranger) == (404, "not_found")
    assert test(field="nothing") == (422, "no_text")
    assert test(config={"welcome_message": "<b>Oi"}) == (422, "text_tag_unclosed")
    assert sent(platform, bot) == [
        {"chat_id": 1, "text": "Oi P1 &lt;!", "parse_mode": "HTML"},
        {"chat_id": 77, "text": "Oi Ana!", "parse_mode": "HTML"},
    ]
    with platform.database.reading() as session:
        trail = session.scalars(select(AuditEvent).where(AuditEvent.kind == "bot_text_tested")).all()
    assert [event.details["telegram_id"] for event in trail] == [1, 77]


def test_a_stranger_s_bot_says_nothing(client: FlaskClient, platform: Platform, bot: Bot) -> None:
    other = make_key(platform, make_account(platform, "other@example.com"))
    text = {"plugin": "start", "field": "welcome_message", "telegram_id": 1}
    here = f"/api/v1/bots/{bot.id}/texts"
    assert client.get(f"{here}/recipients", headers=other).status_code == 404
    assert client.post(f"{here}/preview", json={"plugin": "start"}, headers=other).status_code == 404
    assert client.post(f"{here}/test", json=text, headers=other).status_code == 404
