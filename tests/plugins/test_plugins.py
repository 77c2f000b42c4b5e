"""The plugin interface, without any I/O."""

from __future__ import annotations

from typing import Any

import pytest
from telebot import types

from plugins.base import BasePlugin
from plugins.context import BotFacts, Context, Lead
from plugins.echo import EchoPlugin
from plugins.router import PASS, Router
from services.core.errors import InvalidInput
from services.fleet import plugin_catalogue
from tests.architecture.source import ROOT

BOT = BotFacts(7, "Shop_Bot", "Shop & Co")


def context(text: str | None = "hi", language: str = "pt-br", **event: Any) -> Context:
    """What a handler gets for a message of Ana."""
    body = {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 5, "type": "private"},
        "from": {"id": 5, "is_bot": False, "first_name": "Ana"},
        **({"text": text} if text is not None else {}),
        **event,
    }
    message = types.Message.de_json(body)  # type: ignore[no-untyped-call]
    return Context(BOT, "message", message, 5, Lead(5, "<Ana>", "", "ana", language))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/start", ("start", "")),
        ("/start acesso_4fGh", ("start", "acesso_4fGh")),
        ("/START@shop_bot  x y ", ("start", "x y")),
        ("/start\nline", ("start", "line")),
        ("/start@other_bot", None),
        ("/start-now", None),
        ("/", None),
        ("start", None),
        (" /start", None),
        (None, None),
    ],
)
def test_commands_are_understood_with_payload_and_bot_name(
    text: str | None, command: tuple[str, str] | None
) -> None:
    found = context(text).command
    assert (None if found is None else (found.name, found.args)) == command


def test_the_first_match_wins_unless_it_passes_on() -> None:
    router = Router()
    seen: list[str] = []
    router.text(where=lambda message, ctx: message.text == "no")(lambda m, c: seen.append("filtered"))

    @router.regex(r"^h(.)")
    def look(_message: Any, ctx: Context) -> object:
        assert ctx.match is not None
        seen.append(f"regex {ctx.match[1]}")
        return PASS

    router.text("hi", "ho")(lambda m, c: seen.append("text"))
    router.message()(lambda m, c: seen.append("never"))
    router.dispatch("message", (ctx := context("hi")).event, ctx)
    assert seen == ["regex i", "text"]


@pytest.mark.parametrize("kind", ["message", "edited_message"])
@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/start@other_bot x", False),
        ("/START@OTHER_BOT", False),
        ("/start@Shop_bot x", True),
        ("/start x", True),
        ("write to /start@other_bot", True),
        (None, True),
    ],
)
def test_nobody_is_asked_about_a_command_for_another_bot(kind: str, text: str | None, asked: bool) -> None:
    router = Router()
    seen: list[str] = []

    def look(_event: Any, _ctx: Context) -> object:
        seen.append("asked")
        return PASS

    for register in (router.text(), router.regex("start"), router.content_type("text")):
        register(look)
    router.message()(look)
    router.edited()(look)
    ctx = context(text)
    ctx.kind = kind
    router.dispatch(kind, ctx.event, ctx)
    assert bool(seen) is asked


def test_markup_may_be_plain_or_telebots() -> None:
    ctx = context()
    keyboard = types.InlineKeyboardMarkup()
    keyboard.add(types.InlineKeyboardButton("Buy", callback_data="buy"))
    plain = {"inline_keyboard": [[{"text": "Buy", "callback_data": "buy"}]]}
    ctx.send("a", reply_markup=keyboard)
    ctx.send("b", reply_markup=plain)
    assert [call.params["reply_markup"] for call in ctx.effects.calls] == [plain, plain]


def test_media_go_by_address_or_number_to_where_the_update_belongs() -> None:
    ctx = context(message_thread_id=3, is_topic_message=True)
    ctx.send_media("photo", "https://example.com/a.png", "<b>A</b>", then="sent")
    ctx.send_media("video_note", "AbC", chat_id=9)
    first, second = ctx.effects.calls
    assert (first.method, first.then) == ("sendPhoto", "sent")
    where = {"chat_id": 5, "message_thread_id": 3}
    text = {"caption": "<b>A</b>", "parse_mode": "HTML"}
    assert first.params == {**where, "photo": "https://example.com/a.png", **text}
    assert (second.method, second.params) == ("sendVideoNote", {"chat_id": 9, "video_note": "AbC"})


def test_raw_calls_pass_unchanged() -> None:
    ctx = context()
    ctx.api("sendDice", chat_id=9, emoji="🎲", protect_content=None)
    [call] = ctx.effects.calls
    assert (call.method, call.params) == ("sendDice", {"chat_id": 9, "emoji": "🎲"})


def test_the_catalogue_describes_every_plugins_fields() -> None:
    described = {plugin["name"]: plugin for plugin in plugin_catalogue.describe()}
    assert {"start", "menu", "help", "echo", "error_handler"} <= described.keys()
    [field] = described["echo"]["fields"]
    assert (field["name"], field["kind"], field["default"]) == ("echo_all", "switch", False)
    assert described["start"]["title"] == "Welcome"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("nonsense", {}),
        ("echo", {"echo_all": "maybe"}),
        ("echo", {"unknown": 1}),
        ("start", {"welcome_message": ""}),
        ("menu", {"buttons": [{"label": "Oi", "answer": "<b>unclosed"}]}),
    ],
)
def test_wrong_configuration_is_refused(name: str, config: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        plugin_catalogue.validate(name, config)


def test_a_plugin_twice_or_without_its_dependency_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EchoPlugin, "dependencies", ("help",))
    with pytest.raises(InvalidInput, match="needs help"):
        plugin_catalogue.check_together(["echo"])
    with pytest.raises(InvalidInput, match="twice"):
        plugin_catalogue.check_together(["start", "start"])


def test_the_example_of_a_plugin_that_keeps_things_works_as_it_stands() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text()
    code = text.partition("def stats(")[2].partition("```")[0]
    written = f"def stats({code}"
    names: dict[str, Any] = {"Any": Any, "Context": Context}
    exec(written, names)
    keeper = type("Keeper", (BasePlugin,), {"stats": names["stats"]})(7, {})
    said = []
    for _ in range(2):
        ctx = context("/stats")
        keeper.stats(ctx.event, ctx)
        said.append(ctx.effects.calls[0].params["text"])
    assert said == [f"Total users: 0. You were here {n} times." for n in (1, 2)]
