"""The activity of an account, over the API and in the panel; an admin sees all, and is seen doing so."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask

from app import create_app
from models import Account
from services.fleet.pools.fields import NewPool, PoolChange
from services.fleet.pools.pools import create_pool, update_pool
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key, sign_in


@pytest.fixture
def app(platform: Platform) -> Flask:
    return create_app(platform)


@pytest.fixture
def owner(platform: Platform) -> Account:
    """Who made a pool, renamed it, and has a bot that a program started twice and an admin stopped."""
    account = make_account(platform)
    me = caller_of(account)
    pool = create_pool(platform, me, NewPool(name="=Red", slug="red"))
    update_pool(platform, me, pool.id, PoolChange(name="<b>Blue</b>"))
    with platform.database.transaction() as session:
        for number in range(2):
            audit(
                session, Principal(account.id, "key:ab12", ip="192.0.2.4"), "bot_started", bot_id=number + 7
            )
        audit(session, Principal(account.id, "telegram:77"), "manager_command", command="/status")
    return account


def test_entries_are_filtered_paged_and_exported(app: Flask, platform: Platform, owner: Account) -> None:
    client, key = app.test_client(), make_key(platform, owner)

    def got(query: str) -> list[str]:
        answer = client.get(f"/api/v1/audit?{query}", headers=key)
        assert answer.status_code == 200, answer.text
        return [entry["kind"] for entry in answer.get_json()["items"]]

    made = ["pool_updated", "pool_created", "account_created"]
    whole = ["key_created", "manager_command", "bot_started", "bot_started", *made]
    assert got("") == whole
    assert got("kind=bot_started&bot_id=8") == ["bot_started"]
    assert got("origin=api") == got("actor=key:ab12") == whole[2:4]
    assert got("origin=command&pool_id=1") == whole[4:6]
    assert got("from=2090-01-01T00:00:00Z") == got("to=2020-01-01T00:00:00Z") == got("origin=system") == []
    assert got("origin=chat") == got("actor=telegram:77") == ["manager_command"]
    paged, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/api/v1/audit?limit=4{cursor}", headers=key).get_json()
        paged += [entry["kind"] for entry in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert paged == whole
    for wrong in ("kind=nonsense", "origin=moon", "cursor=x", "limit=0", "since=1"):
        assert client.get(f"/api/v1/audit?{wrong}", headers=key).status_code == 422
    [renamed] = client.get("/api/v1/audit?kind=pool_updated", headers=key).get_json()["items"]
    [change] = renamed["changes"]
    assert (change["field"], change["before"], change["after"]) == ("name", "=Red", "<b>Blue</b>")
    table = list(csv.DictReader(io.StringIO(client.get("/api/v1/audit/export.csv", headers=key).text)))
    assert [row["kind"] for row in table] == whole
    told = ("chat", "The manager bot, person 77", "/status sent to the manager bot")
    assert (table[1]["origin"], table[1]["by"], table[1]["text"]) == told
    assert table[4]["changes"] == "pool 1 name: =Red -> <b>Blue</b>"


def test_nobody_sees_another_account_s_entries_but_an_admin_who_is_written_down(
    app: Flask, platform: Platform, owner: Account
) -> None:
    stranger, admin = (
        make_account(platform, "o@example.com"),
        make_account(platform, "a@example.com", admin=True),
    )
    client = app.test_client()
    theirs = client.get("/api/v1/audit", headers=make_key(platform, stranger)).get_json()["items"]
    assert {entry["account_id"] for entry in theirs} == {stranger.id}
    refused = client.get("/api/v1/audit?everybody=true", headers=make_key(platform, stranger))
    assert (refused.status_code, refused.get_json()["code"]) == (403, "admin_only")
    key = make_key(platform, admin)
    found = client.get("/api/v1/audit?everybody=true&limit=200", headers=key).get_json()["items"]
    assert {entry["account"] for entry in found} == {owner.email, stranger.email, admin.email}
    own = client.get("/api/v1/audit", headers=key).get_json()["items"]
    assert own[0]["kind"] == "admin_trail_read"
    assert client.get(f"/api/v1/audit?everybody=true&cursor={2**62}", headers=key).get_json()["items"]
    own = client.get("/api/v1/audit?kind=admin_trail_read", headers=key).get_json()["items"]
    assert len(own) == 2, "a cursor of one's own choice hides no look"
    client.get("/api/v1/redirect-pools/1", headers=key)
    [look] = client.get("/api/v1/audit?kind=admin_access", headers=make_key(platform, owner)).get_json()[
        "items"
    ]
    assert (look["pool_id"], look["actor"]) == (1, own[0]["actor"])


def test_the_page_tells_what_was_before_and_after_in_both_languages(
    app: Flask, platform: Platform, owner: Account
) -> None:
    client = app.test_client()
    sign_in(client, owner.email)
    english = client.get("/panel/account/activity?kind=pool_updated", headers={"Accept-Language": "en"}).text
    assert "=Red" in english
    assert "&lt;b&gt;Blue&lt;/b&gt;" in english
    assert "<b>Blue" not in english
    assert "Pool changed" in english
    portuguese = client.get("/panel/account/activity?origin=chat", headers={"Accept-Language": "pt-BR"}).text
    assert "Bot gerenciador" in portuguese
    assert "O bot gerenciador, pessoa 77" in portuguese
    assert "/status enviado ao bot gerenciador" in portuguese
    assert "Atividade" in portuguese
    nonsense = "kind=x&origin=x&bot_id=x&cursor=x&since=x&until=9999-12-31&actor=%00"
    assert client.get(f"/panel/account/activity?{nonsense}").status_code == 200
