"""The built-in plugin that takes files, and how a plugin's test plays them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.markup import MARKDOWN
from plugins.testing import Chat
from services.messaging.plugin_kit import chat as chat_module
from services.messaging.plugin_kit.played_bot import BOT
from tests.services.messaging.files.contents import PNG

WINDOWS = b"MZ\x90\x00"


def test_a_file_is_taken_by_its_content_and_the_owner_hears_of_it() -> None:
    chat = Chat("media", {"notify_admins": True})
    chat.send_file("document", PNG, "../holiday <1>.pdf")
    assert chat.last.text == "✅ Received: holiday <1>.pdf"
    chat.send_file("photo", PNG, caption="me")
    assert [(file.kind, file.mime) for file in chat.files.kept] == [
        ("document", "image/png"),
        ("photo", "image/png"),
    ]
    told = {"person": "Ana", "name": "holiday <1>.pdf", "mime": "image/png"}
    assert chat.notifications[0] == ("file_received", told)


def test_what_is_not_taken_is_said_in_the_person_s_language() -> None:
    chat = Chat("media", {"largest_megabytes": 1, "types": ["image/png"]}, language="pt-br")
    chat.send_file("document", WINDOWS, "holiday.png")
    chat.send_file("document", b"only words", "a.txt")
    chat.send_file("video", PNG + bytes(2**20))
    chat.files.refusal = "quota"
    chat.send_file("photo", PNG)
    assert chat.texts == [
        "Este tipo de arquivo não é aceito.",
        "Este tipo de arquivo não é aceito.",
        "O arquivo é grande demais: até 1 MB.",
        "Não foi possível guardar o arquivo. Tente novamente mais tarde.",
    ]
    assert chat.files.kept == []


def test_its_answers_are_html_whatever_the_bot_s_own_parse_mode_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "BOT", replace(BOT, parse_mode=MARKDOWN))
    chat = Chat("media", {"thanks": "<b>Thanks</b>, {first_name}.", "daily_limit": 3}, first_name="A.<b>")
    chat.send_file("photo", PNG)
    chat.send_file("document", WINDOWS)
    chat = Chat("media", {"daily_limit": 1}, first_name="A.<b>")
    chat.send_file("document", PNG, "a_<b>.png")
    chat.send_file("photo", PNG)
    assert chat.texts == ["✅ Received: a_<b>.png", "You have sent 1 files today. Please try tomorrow."]
    assert {message.params["parse_mode"] for message in chat.messages} == {"HTML"}


def test_the_owner_s_words_kinds_and_daily_limit_hold_for_each_person() -> None:
    config = {"thanks": "Thanks, {first_name}", "refused": "No, <b>{first_name}</b>", "daily_limit": 2}
    chat = Chat("media", {**config, "kinds": ["photo", "document"]})
    chat.send("just a text")
    chat.send_file("voice", PNG)
    assert chat.texts == []
    chat.send_file("document", WINDOWS)  # what is refused counts for nothing
    for _ in range(3):
        chat.send_file("photo", PNG)
    assert chat.texts == [
        "No, Ana",
        "Thanks, Ana",
        "Thanks, Ana",
        "You have sent 2 files today. Please try tomorrow.",
    ]
    other = chat.person(6, first_name="Olga")
    other.send_file("photo", PNG)
    assert other.last.text == "Thanks, Olga"
    chat.wait(days=1)
    chat.send_file("photo", PNG)
    assert chat.last.text == "Thanks, Ana"
