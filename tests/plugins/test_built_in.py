"""The built-in plugins, each in a chat."""

from __future__ import annotations

import pytest

from plugins.echo import EchoPlugin
from plugins.error_handler import ErrorHandlerPlugin
from plugins.help import HelpPlugin
from plugins.start import StartPlugin
from plugins.testing import Chat


def test_start_fills_in_what_is_known_of_the_person() -> None:
    chat = Chat(
        StartPlugin,
        {"welcome_message": "Hi <b>{first_name}</b> {start_param} {bot_name}"},
        first_name="<Ana>",
    )
    chat.send("/start promo")
    assert chat.last.text == "Hi <Ana> promo Test bot"


def test_help_lists_commands() -> None:
    chat = Chat(HelpPlugin, {"header": "A & B", "commands": [{"command": "buy", "description": "<b>"}]})
    chat.send("/help")
    assert chat.last.text == "A & B\n\n/buy — <b>"


def test_echo_repeats_what_it_is_told_to() -> None:
    chat = Chat(EchoPlugin, language="pt-br")
    for text in ("/echo <x>", "/echo", "hello"):
        chat.send(text)
    assert chat.texts == ["<x>", "Uso: /echo <texto>"]
    chat = Chat(EchoPlugin, {"echo_all": True}, language="de")
    chat.send("/echo")
    chat.send("hello")
    chat.send(photo=[])
    assert chat.texts == ["Usage: /echo <text>", "hello"]


@pytest.mark.parametrize("shown", [True, False])
def test_the_error_handler_shows_the_code_if_configured(shown: bool) -> None:
    chat = Chat(ErrorHandlerPlugin, {"show_error_id": shown, "notify_admins": shown})
    chat.send("hi")
    chat.fail(error_id="AB12")
    assert ("AB12" in chat.last.text) is shown
    assert bool(chat.notifications) is shown
