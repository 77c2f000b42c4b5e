"""Bots' files in panel and API: what an admin sees of them, and that what a file says is changed there alone."""

from __future__ import annotations

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
    shown = client.get(f"/panel/bots/{bot.id}").text
    assert "shop.yaml" in shown
    assert shown.count("<fieldset disabled>") == 1
    assert '<fieldset class="stack" disabled>' in shown


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
    assert client.patch(path, json={"tags": ["summer"]}, headers=key).status_code == 200
    (platform.settings.config_dir / "shop.yaml").unlink()
    apply_files(platform, BotFiles(platform.settings))
    assert client.patch(path, json={"name": "Other"}, headers=key).status_code == 200
