"""Bots' files in panel and API: what an admin sees of them, and that what a file says is changed there alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Account, Bot
from services.core.settings import Settings
from services.fleet.declared.applying import apply_files
from services.fleet.declared.files import BotFiles
from services.platform.platform import Platform
from tests.blueprints.people import make_account, make_key, sign_in
from tools.servers.sandbox import Sandbox


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "bots").mkdir()
    return settings.model_copy(update={"config_dir": tmp_path / "bots"})


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    """A bot that follows shop.yaml, beside a file with a mistake."""
    make_account(platform, admin=True)
    folder, made = platform.settings.config_dir, sandbox.create_bot(username="shop_bot")
    (folder / "shop.yaml").write_text(
        f'id: shop\nname: Shop\ntoken: "{made["token"]}"\nplugins:\n  - name: start\n'
    )
    (folder / "wrong.yaml").write_text('id: wrong\nname: "<b>"\ntokn: x\n')
    apply_files(platform, BotFiles(platform.settings))
    with platform.database.reading() as session:
        return session.scalars(select(Bot)).one()


def test_an_admin_sees_every_file_and_its_mistakes_and_nobody_else_does(
    client: FlaskClient, platform: Platform, bot: Bot
) -> None:
    other = make_key(platform, make_account(platform, "rui@example.com"))
    assert client.get("/api/v1/bot-files", headers=other).status_code == 403
    sign_in(client)
    shop, wrong = client.get("/api/v1/bot-files").get_json()["files"]
    assert (shop["file"], shop["bot_id"], shop["problems"]) == ("shop.yaml", bot.id, [])
    told = [(one["line"], one["column"], one["code"]) for one in wrong["problems"]]
    assert told == [(1, 1, "key_missing"), (3, 1, "unknown_key")]
    page = client.get("/panel/plugins").text
    assert "wrong.yaml" in page
    assert "did you mean token?" in page or "quis dizer token?" in page


class Controls(HTMLParser):
    """What a page's controls do, those that are disabled apart, and what is said about why."""

    def __init__(self) -> None:
        super().__init__()
        self.enabled: set[str] = set()
        self.disabled: set[str] = set()
        self.reasons: set[str] = set()
        self._fieldsets: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag == "fieldset":
            self._fieldsets.append("disabled" in facts)
        if "disabled" in facts:
            self.reasons.add(facts.get("aria-describedby") or "")
        does = [value for name, value in facts.items() if name in DOING and value]
        if tag in ("button", "input", "select", "textarea") and does:
            is_disabled = "disabled" in facts or any(self._fieldsets)
            (self.disabled if is_disabled else self.enabled).update(each.partition("(")[0] for each in does)

    def handle_endtag(self, tag: str) -> None:
        if tag == "fieldset":
            self._fieldsets.pop()


DOING = ("x-on:click", "x-on:change", "x-on:input", "x-model")
SAID_IN_FILES = {  # each of them asks for what the API refuses of a bot that follows a file, or for a part of that
    *("setMode", "setStrategy", "remove"),
    *("move", "toggle", "save"),
    *("setSwitch", "setMessage", "form.id", "form.until", "form.note", "take", "block", "unblock"),
}
DONE_HERE = {
    *("replaceToken", "startBot", "stopBot", "restartBot", "setPolicy", "setTags"),
    *("tryText", "tap", "restart", "written", "create", "manage"),
    *("target", "chosen", "make", "forget"),
    *("show", "filter", "former", "following", "open", "clear", "look", "kind"),
}


def test_the_page_of_a_bot_that_follows_a_file_lets_through_what_the_api_takes_and_nothing_else(
    client: FlaskClient, bot: Bot
) -> None:
    sign_in(client)
    page = client.get(f"/panel/bots/{bot.id}").text
    shown = Controls()
    before, _, after = page.partition('id="panel-general"')[2].partition('<template id="config-fields">')
    shown.feed(before + after.partition('<section class="card chat-card"')[2].partition("<dialog")[0])
    assert re.search(r'<fieldset class="stack-s" disabled [^>]*x-data="configFields\(plugin\.fields', before)
    assert shown.disabled == SAID_IN_FILES
    assert shown.enabled >= DONE_HERE
    assert not shown.enabled & SAID_IN_FILES - {"remove"}, "remove is a key of a store, too"
    assert shown.reasons == {"declared"}
    assert 'id="declared"' in page


def test_what_a_file_says_is_refused_elsewhere_and_the_rest_is_not(
    client: FlaskClient, platform: Platform, sandbox: Sandbox, bot: Bot
) -> None:
    with platform.database.reading() as session:
        key = make_key(platform, session.scalars(select(Account)).one())
    path = f"/api/v1/bots/{bot.id}"
    refused: list[tuple[str, str, Any]] = [
        ("PATCH", path, {"name": "Other"}),
        ("PATCH", path, {"fsm_strategy": "CHAT"}),
        ("PUT", f"{path}/plugins", {"plugins": []}),
        ("PUT", f"{path}/access", {"captcha": True}),
        ("PUT", f"{path}/access/blocked/5", {}),
        ("DELETE", f"{path}/access/blocked/5", None),
        ("DELETE", path, None),
    ]
    for method, where, body in refused:
        answer = client.open(where, method=method, json=body, headers=key)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "declared_in_file"), where
        assert "shop.yaml" in answer.get_json()["detail"]
    for action in ("stop", "start"):
        assert client.post(f"{path}/{action}", headers=key).status_code == 200, action
    token = {"token": sandbox.rotate("shop_bot")}
    assert client.put(f"{path}/token", json=token, headers=key).status_code == 200
    here = {"tags": ["summer"], "uncertain_policy": "at_most_once"}
    assert client.patch(path, json=here, headers=key).status_code == 200
    (platform.settings.config_dir / "shop.yaml").unlink()
    apply_files(platform, BotFiles(platform.settings))
    assert client.patch(path, json={"name": "Other"}, headers=key).status_code == 200
