"""Replies go to where their update came from: topic, direct messages, business account, inline message."""

from __future__ import annotations

from typing import Any

import pytest
from telebot import types

from plugins.context import BotFacts, Context, Lead

CHAT, ANA = -1005, 5
PERSON = {"id": ANA, "is_bot": False, "first_name": "Ana"}
PLAIN: dict[str, Any] = {
    "message_id": 11,
    "date": 1,
    "chat": {"id": CHAT, "type": "supergroup", "title": "Shop"},
    "from": PERSON,
    "text": "hi",
}
TOPIC = {**PLAIN, "message_thread_id": 7, "is_topic_message": True}
THREAD = {**PLAIN, "message_thread_id": 7}  # replies below a message of a group without topics
DIRECT = {**PLAIN, "direct_messages_topic": {"topic_id": 70, "user": PERSON}}
BUSINESS = {**PLAIN, "business_connection_id": "b1"}
WHEREABOUTS = [
    (PLAIN, {}),
    (TOPIC, {"message_thread_id": 7}),
    (THREAD, {}),
    (DIRECT, {"direct_messages_topic_id": 70}),
    (BUSINESS, {"business_connection_id": "b1"}),
]


def came(kind: str, chat_id: int = CHAT, **content: Any) -> Context:
    """What a handler gets for an update of this kind."""
    update = types.Update.de_json({"update_id": 1, kind: content})  # type: ignore[no-untyped-call]
    return Context(BotFacts(7, "shop_bot", "Shop"), kind, getattr(update, kind), chat_id, Lead(ANA, "Ana"))


def tap(**content: Any) -> Context:
    """A tap on a button of the message `message=`, or of the inline one `inline_message_id=`."""
    chat_id = CHAT if "message" in content else ANA
    query: dict[str, Any] = {"id": "q", "from": PERSON, "chat_instance": "1", "data": "x", **content}
    return came("callback_query", chat_id, **query)


def wanted(ctx: Context) -> list[tuple[str, dict[str, Any]]]:
    """The calls without their texts."""
    noise = {"text", "parse_mode"}
    return [
        (call.method, {name: value for name, value in call.params.items() if name not in noise})
        for call in ctx.effects.calls
    ]


@pytest.mark.parametrize(("message", "place"), WHEREABOUTS)
def test_a_message_is_answered_where_it_was_written(message: dict[str, Any], place: dict[str, Any]) -> None:
    ctx = came("message", **message)
    ctx.send("a")
    ctx.answer("b")
    reply = {"message_id": 11, "allow_sending_without_reply": True}
    assert wanted(ctx) == [
        ("sendMessage", {"chat_id": CHAT, **place}),
        ("sendMessage", {"chat_id": CHAT, **place, "reply_parameters": reply}),
    ]


@pytest.mark.parametrize(("message", "place"), WHEREABOUTS)
def test_a_tap_reaches_the_message_of_its_button(message: dict[str, Any], place: dict[str, Any]) -> None:
    ctx = tap(message=message)
    ctx.answer("a")
    ctx.send("b")
    ctx.edit("c")
    account = {"business_connection_id": "b1"} if message is BUSINESS else {}
    assert wanted(ctx) == [
        ("answerCallbackQuery", {"callback_query_id": "q", "show_alert": False}),
        ("sendMessage", {"chat_id": CHAT, **place}),
        ("editMessageText", {"chat_id": CHAT, "message_id": 11, **account}),
    ]


def test_a_message_of_a_business_account_is_deleted_by_the_method_for_those() -> None:
    theirs, ours = tap(message=BUSINESS), tap(message=TOPIC)
    for ctx in (theirs, ours):
        ctx.delete()
        ctx.delete(12)
    account = {"business_connection_id": "b1"}
    assert wanted(theirs) == [
        ("deleteBusinessMessages", {**account, "message_ids": [number]}) for number in (11, 12)
    ]
    assert wanted(ours) == [("deleteMessage", {"chat_id": CHAT, "message_id": number}) for number in (11, 12)]


def test_a_tap_below_an_inline_message_edits_that_and_writes_to_the_person() -> None:
    ctx = tap(inline_message_id="i9")
    ctx.answer("a")
    ctx.edit("b")
    ctx.delete()
    ctx.send("c")
    ctx.edit("d", message_id=3)
    assert ctx.message is None
    assert wanted(ctx) == [
        ("answerCallbackQuery", {"callback_query_id": "q", "show_alert": False}),
        ("editMessageText", {"inline_message_id": "i9"}),
        ("editMessageReplyMarkup", {"inline_message_id": "i9"}),  # its buttons go: more no bot can do
        ("sendMessage", {"chat_id": ANA}),
        ("editMessageText", {"chat_id": ANA, "message_id": 3}),
    ]


def test_a_message_that_telegram_shows_no_more_is_edited_without_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ctx = tap(message={"message_id": 11, "date": 0, "chat": PLAIN["chat"]})
    ctx.edit("a")
    ctx.send("b")
    assert wanted(ctx) == [
        ("editMessageText", {"chat_id": CHAT, "message_id": 11}),
        ("sendMessage", {"chat_id": CHAT}),
    ]
    assert [record for record in caplog.records if record.name.startswith("plugins")] == []


def test_what_hangs_on_no_message_is_answered_by_a_plain_one_and_edits_only_a_named_one() -> None:
    ctx = came("inline_query", ANA, id="1", **{"from": PERSON}, query="x", offset="")
    ctx.answer("a")
    ctx.edit("b", message_id=3)
    assert wanted(ctx) == [
        ("sendMessage", {"chat_id": ANA}),
        ("editMessageText", {"chat_id": ANA, "message_id": 3}),
    ]
    with pytest.raises(ValueError, match="hangs on no message"):
        ctx.delete()
    with pytest.raises(ValueError, match="hangs on no message"):
        ctx.edit("c")


def test_a_new_business_connection_is_answered_in_the_private_chat() -> None:
    connection: dict[str, Any] = {
        "id": "b1",
        "user": PERSON,
        "user_chat_id": 50,
        "date": 1,
        "is_enabled": True,
        "rights": {},
    }
    ctx = came("business_connection", 0, **connection)
    ctx.send("a")
    assert wanted(ctx) == [("sendMessage", {"chat_id": 50})]


def test_another_chat_gets_nothing_of_the_topic_and_a_named_place_holds() -> None:
    ctx = came("message", **TOPIC)
    ctx.send("a", chat_id=9)
    ctx.answer("b", chat_id=9)
    ctx.send("c", chat_id=CHAT)
    ctx.send("d", message_thread_id=8)
    ctx.send("e", message_thread_id=None)  # the general topic
    assert wanted(ctx) == [
        ("sendMessage", {"chat_id": 9}),
        ("sendMessage", {"chat_id": 9}),
        ("sendMessage", {"chat_id": CHAT, "message_thread_id": 7}),
        ("sendMessage", {"chat_id": CHAT, "message_thread_id": 8}),
        ("sendMessage", {"chat_id": CHAT}),
    ]
