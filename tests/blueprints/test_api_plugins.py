"""Plugins over REST: what their forms are made of, whether they could be saved, and a chat played with them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from models import Bot
from services.fleet.plugin_catalogue import catalogue, swap
from services.fleet.plugin_loading.importing import import_version, retire
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.blueprints.people import make_account, make_key
from tools.servers.fleet import stream

MENU = {
    "text": "Oi, {first_name} da {bot_name}",
    "buttons": [{"label": "Preços", "text": "<b>R$ 5</b>", "buttons": [{"label": "Mais", "text": "Fim"}]}],
}


def by_name(fields: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in fields}


def texts(chat: dict[str, Any]) -> list[tuple[bool, str]]:
    return [
        (each["is_own"], "".join(run["text"] for block in each["blocks"] for run in block["runs"]))
        for each in chat["messages"]
    ]


def test_a_models_fields_say_what_form_they_take_and_a_model_that_holds_itself_is_named_once(
    client: FlaskClient, key: dict[str, str]
) -> None:
    plugins = by_name(client.get("/api/v1/plugins", headers=key).get_json()["items"])
    menu = plugins["menu"]
    fields, button = by_name(menu["fields"]), by_name(menu["models"]["MenuButton"])
    assert (fields["buttons"]["kind"], fields["buttons"]["model"]) == ("objects", "MenuButton")
    assert (button["buttons"]["kind"], button["buttons"]["model"]) == ("objects", "MenuButton")
    assert [button[name]["kind"] for name in ("label", "text")] == ["text", "long"]
    assert (fields["columns"]["kind"], fields["columns"]["blank"]) == ("number", "default")
    step = by_name(plugins["form"]["models"]["FormStep"])
    assert (step["kind"]["kind"], step["kind"]["choices"][:2]) == ("choice", ["text", "number"])
    assert (step["options"]["kind"], step["options"]["item"], step["options"]["longest"]) == (
        "values",
        "text",
        64,
    )
    assert (step["minimum"]["kind"], step["minimum"]["blank"]) == ("number", "null")
    assert "MenuButton" in menu["schema"]["$defs"]


def test_a_check_names_every_problem_by_its_place_and_saves_nothing(
    client: FlaskClient, bot: Bot, key: dict[str, str]
) -> None:
    url = f"/api/v1/bots/{bot.id}"
    before = client.get(url, headers=key).get_json()["plugins"]
    broken = {"columns": 9, "buttons": [{"label": "A", "buttons": [{"label": ""}]}]}
    body = {"plugins": [{"name": "menu", "config": broken}, {"name": "nothing"}]}
    found = client.post(f"{url}/plugins/check", json=body, headers=key).get_json()["items"]
    assert [(each["field"], each["code"]) for each in found] == [
        ("menu.columns", "invalid_plugin_config"),
        ("menu.buttons.0.buttons.0.label", "invalid_plugin_config"),
        ("plugins", "unknown_plugin"),
    ]
    twice = {"plugins": [{"name": "menu"}, {"name": "menu"}]}
    [repeated] = client.post(f"{url}/plugins/check", json=twice, headers=key).get_json()["items"]
    assert repeated["code"] == "plugin_repeated"
    fine = {"plugins": [{"name": "menu", "config": MENU}]}
    assert client.post(f"{url}/plugins/check", json=fine, headers=key).get_json()["items"] == []
    assert client.get(url, headers=key).get_json()["plugins"] == before


def test_a_chat_is_played_from_its_steps_and_nothing_is_sent(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    def play(*steps: dict[str, Any], plugins: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        chosen = plugins or [{"name": "menu", "config": MENU}, {"name": "api"}]
        body = {"plugins": chosen, "steps": list(steps)}
        answer = client.post(f"/api/v1/bots/{bot.id}/plugins/chat", json=body, headers=key)
        assert answer.status_code == 200, answer.get_json()
        found: dict[str, Any] = answer.get_json()
        return found

    opened = play({"text": "/menu"})
    assert texts(opened) == [(True, "/menu"), (False, "Oi, Ana da Loja")]
    menu = opened["messages"][1]
    assert menu["rows"][0] == [{"text": "Preços", "place": 0, "url": ""}]
    tap = {"message_id": menu["message_id"], "place": 0}
    turned = play({"text": "/menu"}, tap)
    assert texts(turned)[1] == (False, "R$ 5")
    assert turned["messages"][1]["blocks"][0]["runs"][0]["styles"] == ["bold"]
    closed = play({"text": "/menu"}, tap, {**tap, "place": 0}, {"text": "/time"})
    assert texts(closed)[-1][1] != "", "an API that is away is apologised for"
    assert play({"message_id": 5, "place": 5})["messages"] == []
    assert play({"text": "/menu"}, plugins=[{"name": "menu", "enabled": False}])["messages"] == []
    assert stream(platform, keys.outbox(bot.id, "reply")) == []
    too_many = {"plugins": [{"name": "menu"}], "steps": [{"text": "/menu"}] * 31}
    url = f"/api/v1/bots/{bot.id}/plugins/chat"
    assert client.post(url, json=too_many, headers=key).status_code == 422
    other = make_key(platform, make_account(platform, "other@example.com"))
    assert client.post(url, json={"plugins": [], "steps": []}, headers=other).status_code == 404


GREET = """
import os, socket, sys
from plugins.base import BasePlugin


class Greet(BasePlugin):
    name = "greet"
    description = "Greets"

    def setup_handlers(self, router):
        router.command("hi")(self.hi)
        router.command("wait")(self.wait)
        router.callback("more")(self.more)
        router.text()(lambda message, ctx: self.do(message.text))

    def hi(self, message, ctx):
        self.db.set("greeted", self.db.get("greeted", 0) + 1)
        ctx.send(f"Hi {self.db.get('greeted')}", reply_markup={"inline_keyboard": [[ctx.button("More", "more")]]})

    async def more(self, query, ctx):
        ctx.edit(f"More, in {os.getpid()}")

    def wait(self, message, ctx):
        while True: pass  # the line of what hangs

    def do(self, what):
        exec(compile(what, __file__, "exec"))


plugin = Greet
"""
HANGS = next(at for at, line in enumerate(GREET.splitlines(), 1) if "what hangs" in line)
DEEDS = {
    "1 / 0": ("plugin_failed", "ZeroDivisionError"),
    "raise SystemExit(3)": ("plugin_failed", "SystemExit: 3"),
    "os._exit(7)": ("plugin_failed", "SystemExit: 7"),
    "os.abort()": ("plugin_ends_process", "by signal 6"),
    "b'x' * 10**10": ("plugin_failed", "MemoryError"),
    "open('{written}', 'w')": ("plugin_failed", "PermissionError"),
    "socket.create_connection(('127.0.0.1', 1))": ("plugin_failed", "PermissionError: socket."),
    "os.system('touch {written}')": ("plugin_failed", "PermissionError: os.system"),
}


def test_a_custom_plugin_is_played_in_another_process_and_what_it_does_wrong_is_told_with_its_line(
    client: FlaskClient, bot: Bot, key: dict[str, str], tmp_path: Path
) -> None:
    file, written = tmp_path / "greet.py", tmp_path / "written"

    def play(*steps: dict[str, Any]) -> dict[str, Any]:
        body = {"plugins": [{"name": "greet"}, {"name": "start"}], "steps": list(steps)}
        answer = client.post(f"/api/v1/bots/{bot.id}/plugins/chat", json=body, headers=key)
        assert answer.status_code == 200, answer.get_json()
        found: dict[str, Any] = answer.get_json()
        return found

    before = catalogue()
    version = import_version(file, GREET.encode())
    swap(replace(before, custom={"greet.py": version}))
    try:
        hi = play({"text": "/start"}, {"text": "/hi"}, {"text": "/hi"})
        assert [said for is_own, said in texts(hi) if not is_own][1:] == ["Hi 1", "Hi 2"]
        tapped = play({"text": "/hi"}, {"message_id": hi["messages"][1]["message_id"], "place": 0})
        assert texts(tapped)[1][1].startswith("More, in ")
        assert texts(tapped)[1][1] != f"More, in {os.getpid()}"
        for deed, (code, reason) in DEEDS.items():
            ended = play({"text": "/hi"}, {"text": deed.replace("{written}", str(written))})
            failure = ended["failure"]
            assert (failure["file"], failure["code"]) == ("greet.py", code), deed
            assert reason in failure["reason"], deed
            assert (failure["line"] is None) is (code == "plugin_ends_process"), deed
            assert bool(ended["messages"]) is (code == "plugin_failed"), "what came before stands"
        assert not written.exists()
        slow = play({"text": "/hi"}, {"text": "/wait"})
        assert (slow["failure"]["code"], slow["failure"]["line"]) == ("plugin_too_slow", HANGS)
        assert play({"text": "/hi"})["failure"] is None, "and the next one is played as ever"
    finally:
        swap(before)
        retire(version.module)
