"""Switches over HTTP: the page, the line on every page, the API; the webhook's door and links while one is on."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app import create_app
from models import Bot
from services.core.metrics import RATE_LIMIT_HITS
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName
from tests.blueprints.people import make_account, make_key, sign_in, submit
from tests.blueprints.test_webhooks import post
from tests.blueprints.visiting import stream
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.switching import end_in, switch_on
from tools.servers.fleet import message

PAGE = "/panel/admin/switches"
TELEGRAM, STRANGER = "149.154.167.220", "203.0.113.9"


def body(number: int) -> bytes:
    return json.dumps(message(number, 1, "hi")).encode()


@pytest.mark.parametrize("fast", [True, False])
def test_webhooks_of_other_networks_get_403_while_the_switch_is_on(
    platform: Platform, bot: Bot, fast: bool
) -> None:
    settings = platform.settings.model_copy(update={"fast_path": fast, "trusted_proxies": 1})
    here = Platform(settings)
    client = create_app(here).test_client()

    def call(number: int, address: str) -> tuple[int, str]:
        client.environ_base["HTTP_X_FORWARDED_FOR"] = address  # as the proxy says
        answer = post(client, bot, platform, body(number))
        return answer.status_code, (answer.json or {}).get("code", "") if answer.is_json else ""

    assert call(1, STRANGER) == (200, "")
    switch_on(here, SwitchName.TELEGRAM_NETWORK)
    before = RATE_LIMIT_HITS.labels("network")._value.get()
    assert call(2, STRANGER)[0] == 403
    assert '"not_telegram_network"' in post(client, bot, platform, body(3)).text
    assert RATE_LIMIT_HITS.labels("network")._value.get() == before + 2
    assert call(4, TELEGRAM) == (200, "")
    assert call(5, "91.108.7.255") == (200, "")
    assert call(6, "91.108.8.0")[0] == 403
    end_in(here, SwitchName.TELEGRAM_NETWORK, -1)
    assert call(7, STRANGER) == (200, "")


def test_a_links_limit_is_halved(platform: Platform, visitor: FlaskClient) -> None:
    new_pool(platform, new_account(platform), "red1", 1, rate_limit_per_minute=4, over_limit="reject")
    switch_on(platform, SwitchName.LIMITS)
    asked: list[str] = []
    event.listen(
        platform.database.engine, "before_cursor_execute", lambda _c, _k, words, *_: asked.append(words)
    )
    assert [visitor.get("/go/red1").status_code for _ in range(3)] == [302, 302, 429]
    assert len(stream(platform)) == 2
    assert [words for words in asked if "switches" in words] == []  # a click asks nobody for them


def test_an_admin_turns_one_on_and_off_and_everybody_sees_that_it_is_on(
    app: Flask, platform: Platform
) -> None:
    make_account(platform, "admin@example.com", admin=True)
    make_account(platform)
    admin, owner = app.test_client(), app.test_client()
    sign_in(admin, "admin@example.com")
    sign_in(owner)
    refused = submit(admin, PAGE, f"{PAGE}/limits", value="2", minutes="15", reason="flood")
    assert refused.status_code == 422
    assert submit(admin, PAGE, f"{PAGE}/limits", value="0,5", minutes="15", reason="flood").status_code == 302
    assert platform.switches.value_of(SwitchName.LIMITS) == 0.5
    page = admin.get(PAGE).text
    assert "flood" in page
    assert "admin@example.com" in page
    seen = owner.get("/panel/bots").text
    assert 'x-data="remaining"' in seen
    assert "flood" not in seen  # reasons are for admins
    assert PAGE not in seen
    assert owner.get(PAGE).status_code == 403
    assert submit(admin, PAGE, f"{PAGE}/limits/clear").status_code == 302
    assert 'x-data="remaining"' not in owner.get("/panel/bots").text


def test_switches_over_the_api(app: Flask, client: FlaskClient, platform: Platform) -> None:
    headers = make_key(platform, make_account(platform, "admin@example.com", admin=True))
    others = make_key(platform, make_account(platform))
    answer = client.put(
        "/api/v1/switches/allow_list",
        json={"value": [7, 5], "minutes": 15, "reason": "attack"},
        headers=headers,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    assert (answer.json["value"], answer.json["is_on"], answer.json["reason"]) == ([5, 7], True, "attack")
    listed = client.get("/api/v1/switches", headers=headers).json
    assert listed is not None
    assert [one["name"] for one in listed["items"] if one["is_on"]] == ["allow_list"]
    assert client.get("/api/v1/switches", headers=others).status_code == 403
    for path, status in (("limits", 422), ("nothing", 404)):
        sent = {"value": 3, "reason": "x"}
        assert client.put(f"/api/v1/switches/{path}", json=sent, headers=headers).status_code == status
    sent = {"reason": "x"}
    assert client.put("/api/v1/switches/captcha", json=sent, headers=others).status_code == 403
    assert client.delete("/api/v1/switches/allow_list", headers=others).status_code == 403
    assert client.delete("/api/v1/switches/allow_list", headers=headers).status_code == 204
    assert not platform.switches.is_on(SwitchName.ALLOW_LIST)
