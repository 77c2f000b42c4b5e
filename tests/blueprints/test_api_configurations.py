"""Configurations over the API: one bot's behaviour for others, a pool that drifts, and YAML out and in. Shown first, then made."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, AuditEvent, Bot, PoolBot, RedirectPool
from services.fleet.bots.choices import PluginChoice as Choice
from services.fleet.bots.choices import rows_of
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key
from tools.servers.fleet import add_bot

WELCOME = {"welcome_message": "Custa ${id}, y\n\n- on "}


@pytest.fixture
def bots(platform: Platform) -> list[Bot]:
    """Three of one account in pool 1; the first greets in its own way and limits nobody."""
    made = [
        add_bot(platform, {"id": 7001 + n, "username": f"shop{n}_bot", "token": f"{7001 + n}:" + "A" * 35})
        for n in range(3)
    ]
    with platform.database.transaction() as session:
        first, *rest = [session.get_one(Bot, bot.id) for bot in made]
        for bot in (first, *rest):
            bot.account_id, bot.mode, bot.name = first.account_id, "polling", "Shop 👋"
        first.plugins.clear()
        session.flush()
        first.plugins = rows_of([Choice("start", True, WELCOME), Choice("echo", False, {})])
        first.limits_people, first.parse_mode = False, "MarkdownV2"
        pool = RedirectPool(id=1, account_id=first.account_id, name="Sales", slug="sales")
        session.add(pool)
        session.flush()
        session.add_all(PoolBot(pool_id=1, bot_id=bot.id) for bot in made)
    return made


@pytest.fixture
def key(platform: Platform, bots: list[Bot]) -> dict[str, str]:
    with platform.database.reading() as session:
        return make_key(platform, session.get_one(Account, bots[0].account_id))


def shown(client: FlaskClient, bot: Bot, key: dict[str, str]) -> str:
    answer = client.get(f"/api/v1/bots/{bot.id}/configuration", headers=key)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_a_behaviour_is_given_to_a_pool_by_the_plan_that_was_shown_and_drift_is_over(
    client: FlaskClient, platform: Platform, bots: list[Bot], key: dict[str, str]
) -> None:
    first, second, third = bots
    drift = client.get("/api/v1/redirect-pools/1/drift", headers=key).get_json()
    assert (drift["like"]["bot_id"], [one["bot_id"] for one in drift["different"]]) == (second.id, [first.id])
    named = client.get(f"/api/v1/redirect-pools/1/drift?like={first.id}", headers=key).get_json()
    assert [one["bot_id"] for one in named["different"]] == [second.id, third.id]
    with platform.database.transaction() as session:
        session.get_one(Bot, third.id).declared_in = "shop.yaml"
    url = f"/api/v1/bots/{first.id}/behaviour/apply"
    for wrong in ({}, {"pool_id": 1, "bot_ids": [second.id]}):
        assert client.post(url, json=wrong, headers=key).get_json()["code"] == "bots_or_pool"
    plan = client.post(url, json={"pool_id": 1}, headers=key).get_json()
    assert [(one["bot_id"], one["code"]) for one in plan["items"]] == [
        (second.id, None),
        (third.id, "declared_in_file"),
    ]
    paths = {change["path"]: (change["old"], change["new"]) for change in plan["items"][0]["changes"]}
    assert paths["settings.parse_mode"] == ("HTML", "MarkdownV2")
    assert paths["plugins.start.config.welcome_message"][1] == WELCOME["welcome_message"]
    assert plan["applied"] is False
    assert client.post(url, json={"pool_id": 1, "if_plan": "older"}, headers=key).status_code == 409
    before = shown(client, second, key)
    done = client.post(url, json={"pool_id": 1, "if_plan": plan["plan"]}, headers=key).get_json()
    assert done == {**plan, "applied": True}
    assert shown(client, second, key) != before
    drift = client.get(f"/api/v1/redirect-pools/1/drift?like={first.id}", headers=key).get_json()
    assert ([one["bot_id"] for one in drift["same"]], len(drift["different"])) == ([second.id], 1)
    with platform.database.reading() as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.kind == "bot_behaviour_applied")).all()
        assert [(one.bot_id, one.details["like"]) for one in events] == [(second.id, first.id)]


def test_a_configuration_goes_out_and_comes_in_to_the_letter(
    client: FlaskClient, platform: Platform, bots: list[Bot], key: dict[str, str]
) -> None:
    first, second, _ = bots
    document = shown(client, first, key)
    assert document.startswith("# yaml-language-server: $schema=http://localhost/schema/bot.json\n")
    assert "\nname: 'Shop 👋'\n" in document, "for people to read"
    assert "$${id}" in document
    assert "A" * 30 not in document

    def put(bot: Bot, document: str, plan: str | None = None) -> Any:
        body = {"document": document, "if_plan": plan}
        return client.put(f"/api/v1/bots/{bot.id}/configuration", json=body, headers=key).get_json()

    assert put(first, document)["changes"] == []
    with platform.database.transaction() as session:
        session.get_one(Bot, second.id).desired_running = False
    plan = put(second, document)
    with platform.database.reading() as session:  # what is shown only has started nothing
        assert session.scalars(select(PoolBot.slow_start_at).where(PoolBot.bot_id == second.id)).all() == [
            None
        ]
    assert shown(client, second, key) != document
    assert put(second, document, plan["plan"])["applied"] is True
    with platform.database.reading() as session:
        (began,) = session.scalars(select(PoolBot.slow_start_at).where(PoolBot.bot_id == second.id))
        assert began is not None
    assert shown(client, second, key) == document
    line = document.splitlines().index("settings:") + 1
    wrong = put(second, document.replace("settings:", "setings:"))
    assert (wrong["code"], wrong["detail"].split(":")[0]) == ("unknown_key", f"Line {line}, column 1")
    assert put(second, document.replace("$${id}", "${HOME}"))["code"] == "variable_not_here"


def test_nothing_of_another_account_is_taken_or_changed(
    client: FlaskClient, platform: Platform, bots: list[Bot], key: dict[str, str]
) -> None:
    foreign = add_bot(platform, {"id": 9001, "username": "foreign_bot", "token": "9001:" + "A" * 35})
    admin = make_key(platform, make_account(platform, "admin@example.com", admin=True))
    for who in (key, admin):  # an administrator may look into both, and mixes them no more
        url = f"/api/v1/bots/{bots[0].id}/behaviour/apply"
        assert client.post(url, json={"bot_ids": [foreign.id]}, headers=who).status_code == 404
        token = f"9002:{'A' * 35}"
        answer = client.post("/api/v1/bots", json={"token": token, "like": foreign.id}, headers=who)
        assert answer.status_code == 404


def test_a_bot_is_registered_like_another_one(
    client: FlaskClient, platform: Platform, bots: list[Bot], key: dict[str, str], sandbox: Any
) -> None:
    token = sandbox.create_bot(username="twin_bot")["token"]
    both = client.post("/api/v1/bots", json={"token": token, "like": bots[0].id, "plugins": []}, headers=key)
    assert both.get_json()["code"] == "plugins_or_like"
    made = client.post("/api/v1/bots", json={"token": token, "like": bots[0].id}, headers=key).get_json()
    with platform.database.transaction() as session:
        session.add(PoolBot(pool_id=1, bot_id=made["id"]))
    drift = client.get(f"/api/v1/redirect-pools/1/drift?like={bots[0].id}", headers=key).get_json()
    assert [one["bot_id"] for one in drift["same"]] == [made["id"]]
