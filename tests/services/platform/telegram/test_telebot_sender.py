"""Telebot's calls go through our client and fail with our errors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from telebot import TeleBot, apihelper
from telebot.types import InlineKeyboardButton, InlineKeyboardMarkup

from services.core.errors import TokenRejected
from services.core.settings import Settings
from services.platform.telegram.client import TelegramClient
from services.platform.telegram.telebot_sender import install
from tools.servers.sandbox import Sandbox


@pytest.fixture
def installed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[TelegramClient]:
    for name in ("API_URL", "FILE_URL", "CUSTOM_REQUEST_SENDER", "CONNECT_TIMEOUT", "READ_TIMEOUT"):
        monkeypatch.setattr(apihelper, name, getattr(apihelper, name))
    client = TelegramClient(Settings(telegram_api_url=sandbox.url))
    install(client)
    yield client
    client.close()


def test_a_telebot_message_with_a_keyboard_arrives(installed: TelegramClient, sandbox: Sandbox) -> None:
    made, user = sandbox.create_bot(), sandbox.create_user()
    sandbox.start(user["id"], made["username"])
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Sim", callback_data="s")]])
    TeleBot(made["token"], threaded=False).send_message(user["id"], "olá", reply_markup=keyboard)
    last = sandbox.transcript(user["id"], made["username"])[-1]
    assert (last["text"], last["buttons"][0][0]["data"]) == ("olá", "s")


def test_a_telebot_upload_arrives(installed: TelegramClient, sandbox: Sandbox) -> None:
    made, user = sandbox.create_bot(), sandbox.create_user()
    sandbox.start(user["id"], made["username"])
    bot = TeleBot(made["token"], threaded=False)
    message = bot.send_document(user["id"], b"conteudo", visible_file_name="nota.txt", caption="nota")
    assert message.document is not None
    assert (message.document.file_name, message.caption) == ("nota.txt", "nota")


def test_a_telebot_failure_is_of_our_error_tree(installed: TelegramClient, sandbox: Sandbox) -> None:
    made = sandbox.create_bot()
    sandbox.revoke(made["username"])
    with pytest.raises(TokenRejected):
        TeleBot(made["token"], threaded=False).get_me()
