"""All texts of a bot as one file over the API: shown as changes first, made by the plan that was shown, all or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, AuditEvent, Bot
from services.fleet.bots.choices import PluginChoice as Choice
from services.fleet.bots.choices import rows_of
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key
from tools.servers.fleet import add_bot

MENU: dict[str, Any] = {
    "text": "Pick\n\n## one",
    "buttons": [{"label": "A", "buttons": [{"label": "B", "text": "deep"}]}],
}


@pytest.fixture
def bot(platform: Platform) -> Bot:
    bot = add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35})
    with platform.database.transaction() as session:
        row = session.get_one(Bot, bot.id)
        row.plugins.clear()
        session.flush()
        row.plugins = rows_of([Choice("start", True, {"welcome_message": "Oi"}), Choice("menu", False, MENU)])
    return bot


@pytest.fixture
def key(platform: Platform, bot: Bot) -> dict[str, str]:
    with platform.database.reading() as session:
        return make_key(platform, session.get_one(Account, bot.account_id))


def configs(platform: Platform, bot: Bot) -> dict[str, Any]:
    with platform.database.reading() as session:
        return {row.name: row.config for row in session.get_one(Bot, bot.id).plugins}


def test_a_file_of_texts_is_shown_as_changes_and_made_by_their_plan(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    url = f"/api/v1/bots/{bot.id}/texts"
    before = configs(platform, bot)
    document = client.get(url, headers=key).get_data(as_text=True)
    assert document.startswith("## start.welcome_message\nOi\n\n")
    assert "\\## one" in document

    def put(document: str, plan: str | None = None) -> tuple[int, dict[str, Any]]:
        answer = client.put(url, json={"document": document, "if_plan": plan}, headers=key)
        return answer.status_code, answer.get_json()

    assert put(document)[1]["changes"] == []
    changed = document.replace("deep", "deeper ").replace("\nOi\n", "\n<b>Oi</b>\n")
    status, shown = put(changed)
    assert (status, shown["applied"], configs(platform, bot)) == (200, False, before)
    assert shown["changes"] == [
        {"path": "start.welcome_message", "old": "Oi", "new": "<b>Oi</b>"},
        {"path": "menu.buttons.0.buttons.0.text", "old": "deep", "new": "deeper "},
    ]
    assert put(changed + "\n", "0" * 64)[1]["code"] == "plan_changed"
    for wrong, code in (
        (changed.replace("<b>Oi</b>", "<b>Oi"), "text_tag_unclosed"),
        (changed.replace("## start.welcome_message", "## start.welcome"), "texts_unknown"),
        (changed.partition("## menu")[0], "texts_missing"),
    ):
        assert (put(wrong, shown["plan"])[0], put(wrong)[1]["code"]) == (422, code)
    assert configs(platform, bot) == before
    assert put(changed, shown["plan"])[1]["applied"] is True
    after = configs(platform, bot)
    assert after["start"]["welcome_message"] == "<b>Oi</b>"
    assert after["menu"]["buttons"][0]["buttons"][0]["text"] == "deeper "
    assert client.get(url, headers=key).get_data(as_text=True) == changed
    with platform.database.reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.kind == "bot_texts_set"))
        assert event.details["paths"] == [change["path"] for change in shown["changes"]]


def test_every_mistake_is_told_with_its_line_in_the_file(
    client: FlaskClient, bot: Bot, key: dict[str, str]
) -> None:
    url = f"/api/v1/bots/{bot.id}/texts"
    document = client.get(url, headers=key).get_data(as_text=True)

    def check(document: str) -> list[tuple[int, str]]:
        found = client.post(f"{url}/check", json={"document": document}, headers=key).get_json()["items"]
        return [(each["line"], each["code"]) for each in found]

    assert check(document) == []
    wrong = document.replace("\nOi\n", "\n\nOi\n<b>you\n").replace("\ndeep\n", "\n<i>deep\n")
    lines = wrong.split("\n")
    label = lines.index("## menu.buttons.0.label")
    lines[label + 1] = "A" * 65
    lines += ["## menu.buttons.0.label", "again", "## start.nothing", "## x y"]
    assert check("\n".join(lines)) == [
        (4, "text_tag_unclosed"),
        (label + 1, "invalid_plugin_config"),
        (lines.index("<i>deep") + 1, "text_tag_unclosed"),
        (len(lines) - 3, "texts_doubled"),
        (len(lines) - 1, "texts_unknown"),
        (len(lines), "texts_header_malformed"),
    ]
    assert check("Oi")[0] == (1, "texts_before_header")
    assert check("Oi")[1] == (0, "texts_missing")


def test_labels_of_buttons_and_the_words_of_help_are_texts_too(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    form = {"steps": [{"name": "size", "question": "?", "kind": "choice", "options": ["S", "M"]}]}
    with platform.database.transaction() as session:
        row = session.get_one(Bot, bot.id)
        row.plugins.clear()
        session.flush()
        row.plugins = rows_of([Choice("menu", True, MENU), Choice("help"), Choice("form", True, form)])
    document = client.get(f"/api/v1/bots/{bot.id}/texts", headers=key).get_data(as_text=True)
    for text in (
        "menu.buttons.0.label\nA",
        "menu.buttons.0.buttons.0.label\nB",
        "help.header\nComandos disponíveis",
        "help.commands.0.description\n",
        "form.steps.0.options.1\nM",
        "form.steps.0.label\n",
    ):
        assert f"## {text}" in document


def test_the_texts_of_a_bot_in_a_file_are_read_and_not_changed(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).declared_in = "shop.yaml"
    url, before = f"/api/v1/bots/{bot.id}/texts", configs(platform, bot)
    document = client.get(url, headers=key).get_data(as_text=True)
    for plan in (None, "0" * 64):
        body = {"document": document.replace("deep", "deeper"), "if_plan": plan}
        answer = client.put(url, json=body, headers=key)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "declared_in_file")
    assert configs(platform, bot) == before


def test_a_foreign_bot_has_no_texts(client: FlaskClient, platform: Platform, bot: Bot) -> None:
    stranger = make_key(platform, make_account(platform, "other@example.com"))
    url = f"/api/v1/bots/{bot.id}/texts"
    assert client.get(url, headers=stranger).status_code == 404
    assert client.put(url, json={"document": "no header"}, headers=stranger).status_code == 404
    assert client.post(f"{url}/check", json={"document": ""}, headers=stranger).status_code == 404
