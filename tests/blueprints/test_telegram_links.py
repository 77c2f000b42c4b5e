"""Links to the manager bot, from the account's page and over the API."""

from __future__ import annotations

import re

from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, Bot, TelegramLink
from services.platform.accounts.telegram_links import link_person
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key, sign_in, submit

PAGE = "/panel/account"
API = "/api/v1/account"
ACCOUNTS = "/panel/admin/accounts"


def manager(platform: Platform, owner: Account) -> None:
    """The row that MANAGER_BOT_TOKEN makes."""
    with platform.database.transaction() as session:
        session.add(
            Bot(
                account_id=owner.id,
                public_id="bot_00000000beef",
                path_id="p",
                telegram_bot_id=42,
                username="boss_bot",
                sealed_token="-",
                mode="polling",
                is_manager=True,
            )
        )


def test_a_link_is_made_used_listed_and_ended(client: FlaskClient, platform: Platform) -> None:
    owner, other = make_account(platform), make_account(platform, "other@example.com")
    key, foreign = make_key(platform, owner), make_key(platform, other)
    refused = client.post(f"{API}/telegram-link", headers=key)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "no_manager_bot")
    manager(platform, owner)
    made = client.post(f"{API}/telegram-link", headers=key)
    assert made.status_code == 201
    code, link = made.get_json()["code"], made.get_json()["link"]
    assert link == f"{platform.settings.telegram_link_url}/boss_bot?start={code}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", code), "Telegram takes no other payload"
    link_person(platform, 5_000_000_001, "Ana", code)
    [person] = client.get(f"{API}/telegram-links", headers=key).get_json()["items"]
    assert (person["telegram_id"], person["name"]) == (5_000_000_001, "Ana")
    assert client.get(f"{API}/telegram-links", headers=foreign).get_json()["items"] == []
    assert client.delete(f"{API}/telegram-links/5000000001", headers=foreign).status_code == 404
    assert client.delete(f"{API}/telegram-links/5000000001", headers=key).status_code == 204
    assert client.get(f"{API}/telegram-links", headers=key).get_json()["items"] == []


def test_the_page_shows_a_link_once_with_its_picture(client: FlaskClient, platform: Platform) -> None:
    boss = make_account(platform, "boss@example.com", admin=True)
    make_account(platform)
    manager(platform, boss)
    sign_in(client)
    shown = submit(client, PAGE, f"{PAGE}/telegram").text
    [code] = re.findall(r"boss_bot\?start=([A-Za-z0-9_-]+)</span></code>", shown)
    assert "<svg" in shown
    assert code not in client.get(PAGE).text
    link_person(platform, 5_000_000_002, "<b>Rui</b>", code)
    assert "&lt;b&gt;Rui" in client.get(PAGE).text
    assert submit(client, PAGE, f"{PAGE}/telegram/5000000002/unlink").status_code == 302
    with platform.database.reading() as session:
        assert session.scalars(select(TelegramLink)).all() == []
    boss_client = client.application.test_client()
    sign_in(boss_client, "boss@example.com")
    page = boss_client.get("/panel/bots/bot_00000000beef").text
    assert "sealed, never shown" in page or "selado, nunca mostrado" in page
    assert 'class="link" x-on:click="replaceToken(bot)"' not in page, "MANAGER_BOT_TOKEN decides on its token"


def test_an_admin_s_new_account_comes_with_a_link_to_the_chat(
    client: FlaskClient, platform: Platform
) -> None:
    boss, other = make_account(platform, "boss@example.com", admin=True), make_account(platform)
    manager(platform, boss)
    sign_in(client, "boss@example.com")
    invited = submit(client, ACCOUNTS, email="new@example.com").text
    [code] = re.findall(r"boss_bot\?start=([A-Za-z0-9_-]+)</span>", invited)
    assert "<svg" in invited
    assert link_person(platform, 5, "Eva", code).email == "new@example.com"
    assert code not in client.get(ACCOUNTS).text
    boss_key, key = make_key(platform, boss), make_key(platform, other)
    made = client.post(f"{API}/invitations", json={"email": "x@example.com"}, headers=boss_key)
    assert made.status_code == 201
    answer = made.get_json()
    assert "/new-password#" in answer["password_link"]
    assert link_person(platform, 6, "Rui", answer["telegram"]["code"]).account_id == answer["account_id"]
    refused = client.post(f"{API}/invitations", json={"email": "y@example.com"}, headers=key)
    assert refused.status_code == 404
