"""The REST API of bots."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from models import Account
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.platform.accounts.principal import Scope
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key
from tools.servers.sandbox import Sandbox

URL = "/api/v1/bots"


@pytest.fixture
def account(platform: Platform) -> Account:
    return make_account(platform)


@pytest.fixture
def key(platform: Platform, account: Account) -> dict[str, str]:
    return make_key(platform, account)


@pytest.fixture
def other_key(platform: Platform) -> dict[str, str]:
    return make_key(platform, make_account(platform, "other@example.com"))


def test_a_bot_lives_from_registration_to_deletion(
    client: FlaskClient, sandbox: Sandbox, key: dict[str, str]
) -> None:
    token = sandbox.create_bot(username="aurora_bot")["token"]
    made = client.post(URL, json={"token": token}, headers=key)
    assert made.status_code == 201
    assert token not in made.text
    bot = made.get_json()
    assert (bot["username"], bot["mode"], bot["status"]) == ("aurora_bot", "polling", "created")
    shown = client.get(made.headers["Location"], headers=key)
    assert shown.get_json() == bot
    assert client.get(f"{URL}/{bot['public_id']}", headers=key).get_json() == bot
    assert client.get(URL, headers=key).get_json() == {"items": [bot], "next": None}
    assert client.post(f"{URL}/{bot['id']}/stop", headers=key).get_json()["desired_running"] is False
    assert client.post(f"{URL}/{bot['id']}/start", headers=key).get_json()["desired_running"] is True
    assert client.post(f"{URL}/{bot['id']}/restart", headers=key).status_code == 200
    assert client.patch(f"{URL}/{bot['id']}", json={"name": "Loja"}, headers=key).get_json()["name"] == "Loja"
    assert client.delete(f"{URL}/{bot['id']}", headers=key).status_code == 204
    assert client.get(f"{URL}/{bot['id']}", headers=key).status_code == 404


def test_what_happens_to_sends_of_unknown_outcome_is_chosen_per_bot(
    client: FlaskClient, platform: Platform, sandbox: Sandbox, key: dict[str, str]
) -> None:
    bot = client.post(URL, json={"token": sandbox.create_bot()["token"]}, headers=key).get_json()
    here = f"{URL}/{bot['id']}"
    assert bot["uncertain_policy"] == "at_least_once"
    changed = client.patch(here, json={"uncertain_policy": "at_most_once"}, headers=key).get_json()
    assert changed["uncertain_policy"] == "at_most_once"
    sender = SenderCache(platform).get(bot["id"])
    assert sender is not None
    assert sender.at_most_once
    assert client.patch(here, json={"uncertain_policy": "twice"}, headers=key).status_code == 422
    assert client.get(here, headers=key).get_json()["uncertain_policy"] == "at_most_once"


def test_whose_a_conversation_is_is_chosen_per_bot(
    client: FlaskClient, platform: Platform, sandbox: Sandbox, key: dict[str, str]
) -> None:
    bot = client.post(URL, json={"token": sandbox.create_bot()["token"]}, headers=key).get_json()
    here = f"{URL}/{bot['id']}"
    assert bot["fsm_strategy"] == "USER_IN_CHAT"
    assert client.patch(here, json={"fsm_strategy": "CHAT"}, headers=key).get_json()["fsm_strategy"] == "CHAT"
    behaviour = PluginCache(platform).get(bot["id"])
    assert behaviour is not None
    assert behaviour.bot.strategy == "CHAT"
    assert client.patch(here, json={"fsm_strategy": "chat"}, headers=key).status_code == 422


def test_plugins_are_chosen_at_registration_and_replaced_later(
    client: FlaskClient, sandbox: Sandbox, key: dict[str, str]
) -> None:
    body = {"token": sandbox.create_bot()["token"], "plugins": [{"name": "echo"}]}
    bot = client.post(URL, json=body, headers=key).get_json()
    assert [plugin["name"] for plugin in bot["plugins"]] == ["echo"]
    body = {"plugins": [{"name": "help", "enabled": False}, {"name": "start"}]}
    changed = client.put(f"{URL}/{bot['public_id']}/plugins", json=body, headers=key)
    assert changed.status_code == 200
    assert [(each["name"], each["enabled"]) for each in changed.get_json()["plugins"]] == [
        ("help", False),
        ("start", True),
    ]
    body = {"plugins": [{"name": "start"}, {"name": "no_such"}]}
    refused = client.put(f"{URL}/{bot['id']}/plugins", json=body, headers=key)
    assert refused.status_code == 422
    assert (
        client.get(f"{URL}/{bot['id']}", headers=key).get_json()["plugins"] == changed.get_json()["plugins"]
    )


@pytest.mark.parametrize("replacing", [True, False])
def test_a_text_that_telegram_would_refuse_is_refused_with_its_place(
    client: FlaskClient, sandbox: Sandbox, key: dict[str, str], replacing: bool
) -> None:
    plugins = [{"name": "start", "config": {"welcome_message": "Oi, {nome}"}}]
    token = sandbox.create_bot()["token"]
    if replacing:
        bot = client.post(URL, json={"token": token}, headers=key).get_json()
        refused = client.put(f"{URL}/{bot['id']}/plugins", json={"plugins": plugins}, headers=key)
    else:
        refused = client.post(URL, json={"token": token, "plugins": plugins}, headers=key)
    problem = refused.get_json()
    assert (refused.status_code, problem["code"]) == (422, "text_variable_unknown")
    assert problem["field"] == "start.welcome_message"
    assert "{nome}" in problem["detail"]


def test_a_second_account_gets_a_conflict_that_says_nothing_of_whose(
    client: FlaskClient, sandbox: Sandbox, key: dict[str, str], other_key: dict[str, str]
) -> None:
    body = {"token": sandbox.create_bot()["token"]}
    assert client.post(URL, json=body, headers=key).status_code == 201
    own, foreign = (client.post(URL, json=body, headers=who) for who in (key, other_key))
    assert (own.status_code, own.get_json()["code"]) == (409, "bot_exists")
    assert (foreign.status_code, foreign.get_json()["code"]) == (409, "bot_exists")
    assert "@" not in foreign.text


def test_a_strangers_bot_is_not_found_on_any_route(
    client: FlaskClient, sandbox: Sandbox, key: dict[str, str], other_key: dict[str, str]
) -> None:
    bot = client.post(URL, json={"token": sandbox.create_bot()["token"]}, headers=key).get_json()
    for identity in (bot["id"], bot["public_id"]):
        here = f"{URL}/{identity}"
        answers = [
            client.get(here, headers=other_key),
            client.patch(here, json={"name": "x"}, headers=other_key),
            client.delete(here, headers=other_key),
            *(client.post(f"{here}/{act}", headers=other_key) for act in ("start", "stop", "restart")),
            client.put(f"{here}/plugins", json={"plugins": []}, headers=other_key),
        ]
        assert [answer.status_code for answer in answers] == [404] * 7
    assert client.get(URL, headers=other_key).get_json()["items"] == []
    assert client.get(f"{URL}/{bot['id']}", headers=key).get_json() == bot


def test_a_key_that_may_only_read_changes_nothing(
    client: FlaskClient, platform: Platform, account: Account, sandbox: Sandbox
) -> None:
    reader = make_key(platform, account, Scope.READ)
    answer = client.post(URL, json={"token": sandbox.create_bot()["token"]}, headers=reader)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")
    assert client.get(URL, headers=reader).get_json()["items"] == []


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_input", "token"),
        ({"token": 5}, "invalid_input", "token"),
        ({"token": "x" * 1000}, "invalid_input", "token"),
        ({"token": "123456789:short"}, "token_malformed", "token"),
        ({"token": "123456789:" + "a" * 35, "colour": 1}, "invalid_input", "colour"),
        ({"token": "123456789:" + "a" * 35, "mode": "pigeon"}, "invalid_input", "mode"),
        ({"token": "123456789:" + "a" * 35, "mode": "webhook"}, "webhook_unavailable", "mode"),
        ({"token": "123456789:" + "a" * 35, "plugins": [{"name": "nope"}]}, "unknown_plugin", "plugins"),
        ({"token": "123456789:" + "a" * 35}, "token_rejected", "token"),
    ],
)
def test_a_bad_registration_says_what_is_wrong_and_never_repeats_the_token(
    client: FlaskClient,
    sandbox: Sandbox,
    key: dict[str, str],
    body: dict[str, object],
    code: str,
    field: str,
) -> None:
    answer = client.post(URL, json=body, headers=key)
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["field"]) == (422, code, field)
    assert "a" * 35 not in answer.text
    assert client.get(URL, headers=key).get_json()["items"] == []


def test_a_dead_bot_api_is_a_503_with_words(client: FlaskClient, key: dict[str, str]) -> None:
    answer = client.post(URL, json={"token": "123456789:" + "a" * 35}, headers=key)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "telegram_unreachable")
    assert "Cannot reach" in answer.get_json()["detail"]


def test_a_foreign_bot_api_is_a_502_with_words(
    client: FlaskClient, sandbox: Sandbox, key: dict[str, str]
) -> None:
    sandbox.fault("garbage")
    answer = client.post(URL, json={"token": sandbox.create_bot()["token"]}, headers=key)
    assert (answer.status_code, answer.get_json()["code"]) == (502, "telegram_uncertain")
    assert "TELEGRAM_API_URL" in answer.get_json()["detail"]


def test_the_list_comes_in_pages(client: FlaskClient, sandbox: Sandbox, key: dict[str, str]) -> None:
    for _ in range(3):
        client.post(URL, json={"token": sandbox.create_bot()["token"]}, headers=key)
    first = client.get(f"{URL}?limit=2", headers=key).get_json()
    rest = client.get(f"{URL}?limit=2&cursor={first['next']}", headers=key).get_json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


def test_nobody_comes_in_without_a_key(app: Flask) -> None:
    assert app.test_client().get(URL).status_code == 401


def test_whom_a_bot_answers_is_set_by_lists_and_by_single_entries(
    client: FlaskClient, sandbox: Sandbox, key: dict[str, str], other_key: dict[str, str]
) -> None:
    bot = client.post(URL, json={"token": sandbox.create_bot()["token"]}, headers=key).get_json()
    here = f"{URL}/{bot['public_id']}/access"
    closed = {"maintenance": False, "maintenance_message": "", "captcha": False}
    empty = {"allowed_users": [], "blocked_users": [], "admin_users": [], **closed}
    assert client.get(here, headers=key).get_json() == empty
    ana = {"telegram_id": 5, "until": "2100-01-01T00:00:00.000Z", "note": "spam"}
    rui = {"telegram_id": -(2**40), "until": None, "note": ""}
    whole = {**empty, "blocked_users": [ana, rui], "maintenance": True, "maintenance_message": "já voltamos"}
    assert client.put(here, json=whole, headers=key).get_json() == whole
    assert client.put(here, json={"captcha": True}, headers=key).get_json() == {**whole, "captcha": True}
    put = client.put(f"{here}/admin/7", json={"note": "eu"}, headers=key)
    assert put.get_json()["admin_users"] == [{"telegram_id": 7, "until": None, "note": "eu"}]
    assert client.delete(f"{here}/blocked/{rui['telegram_id']}", headers=key).status_code == 204
    assert client.get(here, headers=key).get_json()["blocked_users"] == [ana]
    refused = {
        f"{here}/blocked/7": ({"until": "2020-01-01T00:00:00Z"}, 422, "until_past"),
        f"{here}/friends/7": ({}, 404, "list_not_found"),
        f"{here}/blocked/ana": ({}, 422, "telegram_id_invalid"),
        f"{here}/blocked/{2**63}": ({}, 422, "telegram_id_invalid"),
        f"{here}/allowed/7": ({"until": "tomorrow"}, 422, "invalid_input"),
    }
    for path, (body, status, code) in refused.items():
        answer = client.put(path, json=body, headers=key)
        assert (answer.status_code, answer.get_json()["code"]) == (status, code), path
    zero = client.put(here, json={"admin_users": [{"telegram_id": 0}]}, headers=key).get_json()
    assert (zero["code"], zero["field"]) == ("telegram_id_invalid", "admin_users.0.telegram_id")
    gone = client.delete(f"{here}/blocked/99", headers=key)
    assert (gone.status_code, gone.get_json()["code"]) == (404, "access_not_found")
    for method, path in (
        ("GET", here),
        ("PUT", here),
        ("PUT", f"{here}/admin/7"),
        ("DELETE", f"{here}/admin/7"),
    ):
        given: dict[str, str] | None = {} if method == "PUT" else None
        assert client.open(path, method=method, json=given, headers=other_key).status_code == 404
