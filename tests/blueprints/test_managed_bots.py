"""Bots made by the manager bot's link, over the API and on the panel's pages."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import update

from app import create_app
from models import Bot
from services.operations.managed.managing import RIGHT
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key, sign_in, submit
from tests.services.operations.managed.making import Managing, managing
from tools.servers.sandbox import Sandbox

ADMIN = "boss@example.com"
PAGE = "/panel/admin/managed-bots"


@pytest.fixture
def house(platform: Platform, sandbox: Sandbox) -> Managing:
    make_account(platform, ADMIN, admin=True)
    return managing(platform, sandbox)


@pytest.fixture
def app(house: Managing) -> Flask:
    return create_app(house.platform)


def test_a_link_is_asked_for_used_and_the_token_ended(app: Flask, house: Managing, sandbox: Sandbox) -> None:
    client = app.test_client()
    owner = make_account(house.platform)
    key, foreign = (
        make_key(house.platform, owner),
        make_key(house.platform, make_account(house.platform, "o@example.com")),
    )
    wrong = {"name": "Red", "slug": "red1", "naming_pattern": "red_{n}", "spare_count": 2}
    refused = client.post("/api/v1/redirect-pools", headers=key, json=wrong)
    assert (refused.status_code, refused.get_json()["code"], refused.get_json()["field"]) == (
        422,
        "naming_pattern",
        "naming_pattern",
    )
    pool = client.post(
        "/api/v1/redirect-pools", headers=key, json={**wrong, "naming_pattern": "red_{n}_bot"}
    ).get_json()
    assert (pool["naming_pattern"], pool["spare_count"]) == ("red_{n}_bot", 2)
    asked = {"json": {"pool_id": pool["id"]}}
    assert client.post("/api/v1/bots/creation-links", headers=foreign, **asked).status_code == 404
    made = client.post("/api/v1/bots/creation-links", headers=key, **asked).get_json()
    assert made["link"].endswith("/newbot/boss_bot/red_1_bot?name=Red")
    assert (
        client.post("/api/v1/bots/creation-links", headers=key, **asked).get_json()["username"] == "red_2_bot"
    )
    house.link(owner)
    house.take(house.make(made["username"]))
    bot = house.bot("red_1_bot")
    assert bot is not None
    leaked = sandbox.bot("red_1_bot")["token"]
    rotation = f"/api/v1/bots/{bot.public_id}/token/rotation"
    assert client.post(rotation, headers=foreign).status_code == 404
    answer = client.post(rotation, headers=key)
    assert answer.status_code == 200
    assert sandbox.bot("red_1_bot")["token"] != leaked
    assert house.has_its_token("red_1_bot")
    for token in (leaked, sandbox.bot("red_1_bot")["token"]):
        assert token.partition(":")[2] not in answer.text
    sign_in(client)
    assert (
        "End it and get a new one"
        in client.get(f"/panel/bots/{bot.id}?lang=en", headers={"Accept-Language": "en"}).text
    )


def test_pages_say_how_the_right_is_got_and_administrators_take_what_waits(
    app: Flask, house: Managing
) -> None:
    client, other = app.test_client(), app.test_client()
    english = {"Accept-Language": "en"}
    owner = make_account(house.platform)
    sign_in(client, ADMIN)
    sign_in(other)
    assert "Bot Management Mode" not in client.get("/panel/bots", headers=english).text
    with house.platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.is_manager).values(capabilities={RIGHT: False}))
    assert "switch on Bot Management Mode" in client.get("/panel/bots", headers=english).text
    for name in ("one_bot", "two_bot"):
        house.take(house.make(name))
    assert "2 bots were made by the manager bot" in client.get("/panel/bots", headers=english).text
    assert "made by the manager bot" not in other.get("/panel/bots", headers=english).text
    assert other.get(PAGE).status_code == 403
    number = house.row("one_bot").telegram_bot_id
    assert submit(other, "/panel/account", f"{PAGE}/{number}/adopt", email=owner.email).status_code == 403
    assert "@one_bot" in client.get(PAGE).text
    unknown = submit(client, PAGE, f"{PAGE}/{number}/adopt", email="nobody@example.com")
    assert unknown.status_code == 404
    assert "@one_bot" in unknown.text, "the page is there still, with what is wrong"
    assert submit(client, PAGE, f"{PAGE}/{number}/adopt", email=owner.email).status_code == 302
    bot = house.bot("one_bot")
    assert bot is not None
    assert bot.account_id == owner.id
    assert submit(client, PAGE, f"{PAGE}/{number}/adopt", email=owner.email).status_code == 404
    two = house.row("two_bot").telegram_bot_id
    assert submit(client, PAGE, f"{PAGE}/{two}/let-go").status_code == 302
    assert "@two_bot" not in client.get(PAGE).text
    assert submit(client, PAGE, f"{PAGE}/9{two}999999999/let-go").status_code == 404
