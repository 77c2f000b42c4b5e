"""The Bot API as a bot's own program finds it: another address, the worker's token, and nothing else changed."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from models import Bot
from services.core.settings import Settings
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.draining import handle_all
from tools.servers.fleet import accept_all, add_bot, message, working
from tools.servers.sandbox import Sandbox, wait_until

ANA, BIA = 501, 502
# A bot as its author wrote it; all that is ours are the first two names that it is told.
ECHO = """
import os, telebot
telebot.apihelper.API_URL = os.environ["BASE"] + "/bot{0}/{1}"
bot = telebot.TeleBot(os.environ["TOKEN"])

@bot.message_handler(commands=["start"])
def start(message):
    bot.reply_to(message, "I am @" + bot.get_me().username)

@bot.message_handler(func=lambda message: True)
def echo(message):
    sent = bot.send_message(message.chat.id, message.text, reply_markup=telebot.types.ReplyKeyboardRemove())
    bot.edit_message_text(f"{message.text}!", message.chat.id, sent.message_id)

bot.remove_webhook()
bot.infinity_polling(timeout=5, long_polling_timeout=5)
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"user_rate_per_minute": 0.0, "pacing_chat_per_second": 1000.0})


def give(platform: Platform, bot: Bot) -> str:
    """A worker for the bot; its token."""
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    return give_worker(platform, owner, bot.id, NewWorker())[2]


@pytest.fixture
def token(platform: Platform, bot: Bot) -> str:
    return give(platform, bot)


def updates(client: FlaskClient, token: str, **params: Any) -> list[tuple[int, str]]:
    """What getUpdates answers: number and text of each."""
    answer = client.post(f"/botapi/bot{token}/getUpdates", data={"timeout": 0, **params}).json or {}
    assert answer["ok"] is True
    return [(each["update_id"], each["message"]["text"]) for each in answer["result"]]


def test_an_offset_acknowledges_exactly_what_was_given_out_below_it(
    client: FlaskClient, platform: Platform, bot: Bot, token: str
) -> None:
    accept_all(platform, bot, [message(9, ANA, "one"), message(4, BIA, "uno"), message(2, ANA, "two")])
    handle_all(platform)
    (first, _), (second, _) = given = updates(client, token)
    assert (sorted(text for _, text in given), second) == (["one", "uno"], first + 1)
    again = updates(
        client, token, offset=first
    )  # the answer was lost on its way: they come again, in order, above
    assert [text for _, text in again] == [text for _, text in given]
    assert again[0][0] > second
    rest = updates(client, token, offset=again[1][0] + 1)
    assert [text for _, text in rest] == ["two"]  # in the turn of its chat, whatever Telegram had numbered it
    info = client.get(f"/botapi/bot{token}/getWebhookInfo").json or {}
    assert info["result"]["pending_update_count"] == 1
    assert updates(client, token, offset=rest[0][0] + 1) == []


def test_refusals_have_the_bot_api_s_form_and_no_log_has_the_token(
    client: FlaskClient, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for method, status in (
        ("setWebhook", 200),
        ("logOut", 400),
        ("getManagedBotToken", 400),
        ("deleteWebhook", 200),
    ):
        answer = client.post(f"/botapi/bot{token}/{method}", json={})
        assert (answer.status_code, (answer.json or {})["ok"]) == (status, status == 200), method
    for path in (
        f"/botapi/bot{token[:-1]}/getMe",
        f"/botapi/file/bot{token[:-1]}/a",
        "/botapi/bot7001:x/getMe",
    ):
        answer = client.get(path)
        assert answer.status_code == 401
        assert (answer.json or {}) | {"description": ""} == {
            "ok": False,
            "error_code": 401,
            "description": "",
        }
    assert "botapi" in caplog.text
    assert token[5:-1] not in caplog.text


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The web process over a real socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/botapi"
    server.shutdown()
    thread.join(10)


def test_a_bot_written_with_a_library_runs_unchanged_behind_us(
    platform: Platform, sandbox: Sandbox, address: str
) -> None:
    identity = sandbox.create_bot()
    bot = add_bot(platform, identity)
    person = sandbox.create_user()["id"]
    sandbox.start(person, identity["username"])
    environment = {"PATH": os.environ["PATH"], "BASE": address, "TOKEN": give(platform, bot)}
    running = subprocess.Popen([sys.executable, "-c", ECHO], env=environment)
    try:
        with working(platform):
            accept_all(platform, bot, [message(1, person, "/start"), message(2, person, "hello")])
            wait_until(lambda: len(sandbox.sent(identity["username"], "sendMessage")) == 2, seconds=60)
            sent = wait_until(lambda: sandbox.sent(identity["username"], "editMessageText"), seconds=60)
    finally:
        running.kill()
        running.wait(10)
    assert [each["text"] for each in sent] == ["hello!"]
    said = {each["text"] for each in sandbox.sent(identity["username"], "sendMessage")}
    assert said == {f"I am @{identity['username']}", "hello"}  # it handles them side by side
    assert environment["TOKEN"] not in json.dumps(sandbox.sent(identity["username"], "sendMessage"))
