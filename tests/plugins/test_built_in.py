"""The built-in plugins, each in a chat."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from plugins.api import ApiPlugin
from plugins.echo import EchoPlugin
from plugins.error_handler import ErrorHandlerPlugin
from plugins.help import HelpPlugin
from plugins.http import HttpError
from plugins.menu import MenuPlugin
from plugins.start import StartPlugin
from plugins.stats import StatsPlugin
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


MENU: dict[str, Any] = {
    "text": "Hi {first_name}",
    "columns": 2,
    "buttons": [
        {
            "label": "Prices",
            "text": "<b>Prices</b>",
            "buttons": [{"label": "Tea", "text": "R$ 10"}, {"label": "Coffee"}],
        },
        {"label": "Site", "url": "https://example.com"},
        {"label": "About <us>"},
    ],
}


def test_a_menus_pages_are_turned_in_one_message() -> None:
    chat = Chat(MenuPlugin, MENU)
    chat.send("/menu")
    assert chat.last.text == "Hi Ana"
    assert [[key["text"] for key in row] for row in chat.last.params["reply_markup"]["inline_keyboard"]] == [
        ["Prices", "Site"],
        ["About <us>"],
        ["✖️ Close"],
    ]
    for label, text, buttons in (
        ("Prices", "Prices", ["Tea", "Coffee", "⬅️ Back"]),
        ("Tea", "R$ 10", ["⬅️ Back"]),
        ("⬅️ Back", "Prices", ["Tea", "Coffee", "⬅️ Back"]),
        ("Coffee", "Coffee", ["⬅️ Back"]),
        ("⬅️ Back", "Prices", ["Tea", "Coffee", "⬅️ Back"]),
        ("⬅️ Back", "Hi Ana", ["Prices", "Site", "About <us>", "✖️ Close"]),
        ("About <us>", "About <us>", ["⬅️ Back"]),
    ):
        chat.tap(label)
        assert (chat.last.text, chat.last.buttons) == (text, buttons)
    assert len(chat.messages) == 1
    chat.tap("⬅️ Back")
    chat.tap("✖️ Close")
    assert chat.messages == []


def test_a_tap_on_a_button_of_a_former_menu_shows_the_present_one() -> None:
    chat = Chat(MenuPlugin, MENU, language="pt-br")
    chat.send("/menu")
    chat.replace_plugins((MenuPlugin, {**MENU, "text": "", "buttons": MENU["buttons"][1:]}))
    chat.tap("Prices")
    assert (chat.last.text, chat.notice) == ("Escolha uma opção:", "O menu mudou.")
    assert "Prices" not in chat.last.buttons


def nested(depth: int) -> dict[str, object]:
    return {"label": "x", "buttons": [nested(depth - 1)] if depth > 1 else []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"buttons": [{"label": ""}]},
        {"buttons": [{"label": "x", "url": "javascript:alert(1)"}]},
        {"buttons": [{"label": "x", "url": "https://a.com", "text": "both"}]},
        {"buttons": [{"label": "x", "text": "<p>"}]},
        {"buttons": [{"label": "x"}] * 101},
        {"buttons": [nested(9)]},
        {"columns": 0},
        {"command": "two words"},
    ],
)
def test_a_menu_that_telegram_would_not_show_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Chat(MenuPlugin, wrong)
    assert Chat(MenuPlugin, {"buttons": [nested(8)]})


def test_stats_count_all_people_todays_and_the_last_seven_days() -> None:
    chat = Chat(StatsPlugin, {"timezone": "America/Sao_Paulo", "admin_users": [5]}, language="pt")
    for hours in (24 * 8, 24 * 2, 24):
        chat.person(100 + hours).send("hi")
        chat.wait(hours=hours)
    chat.person(6).send("/stats")  # no admin
    assert chat.person(6).messages == []
    chat.send("/stats")
    assert chat.last.text == "📊 Estatísticas\n\nTotal de usuários: 5\nHoje: 2\nÚltimos 7 dias: 4"
    with pytest.raises(ValidationError):
        Chat(StatsPlugin, {"timezone": "Sao Paulo"})


def test_stats_tell_the_bots_administrators_beside_its_own() -> None:
    chat = Chat(StatsPlugin, {"admin_users": [9]}, admins=[5])
    chat.send("/stats")
    assert chat.last.text.startswith("📊 Statistics")


WEATHER = "https://api.example.com/weather?q={args}&user={id}"


def test_api_asks_and_answers_with_what_it_is_told() -> None:
    command = {"command": "weather", "url": WEATHER, "answer": "<b>{0.name}</b>: {0.main.temp}° {0.none} {x}"}
    chat = Chat(ApiPlugin, {"commands": [command]}, language="pt")
    chat.http.answers["https://api.example.com/weather?q=S%C3%A3o%20Paulo%26x&user=5"] = [
        {"name": "<SP>", "main": {"temp": 21.5}}
    ]
    chat.send("/weather São Paulo&x")
    assert chat.last.text == "<SP>: 21.5° — —"
    chat.http.answers["https://api.example.com/weather?q=Rio&user=5"] = HttpError("timeout")
    chat.send("/weather Rio")
    assert chat.last.text == "Não foi possível consultar agora. Tente mais tarde."
    with pytest.raises(ValidationError):
        Chat(ApiPlugin, {"commands": [{**command, "url": "http://inside/"}]})
