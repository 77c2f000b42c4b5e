"""The sandbox's answers and updates have what the Bot API says is always there, and a library reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import telebot
from telebot import apihelper

from tests.tools.sandbox.bot_api import misfits

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Sandbox

PLACE = {"latitude": -23.5, "longitude": -46.6}
URL = "https://example.com/a.bin"
# Calls to a chat whose answer is a Message, with the field that each makes.
MESSAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "sendMessage": ("text", {"text": "<b>Oi</b> @somebody", "parse_mode": "HTML"}),
    "sendPhoto": ("photo", {"photo": URL, "caption": "https://example.com"}),
    "sendVideo": ("video", {"video": URL}),
    "sendAnimation": ("animation", {"animation": URL}),
    "sendVideoNote": ("video_note", {"video_note": URL}),
    "sendAudio": ("audio", {"audio": URL}),
    "sendVoice": ("voice", {"voice": URL}),
    "sendDocument": ("document", {"document": URL}),
    "sendSticker": ("sticker", {"sticker": URL}),
    "sendLocation": ("location", PLACE),
    "sendVenue": ("venue", {**PLACE, "title": "Masp", "address": "Av. Paulista, 1578"}),
    "sendContact": ("contact", {"phone_number": "+5511999990000", "first_name": "Ana"}),
    "sendDice": ("dice", {"emoji": "🎰"}),
    "sendInvoice": (
        "invoice",
        {
            **{"title": "Guide", "description": "All", "payload": "1", "currency": "XTR"},
            "prices": [{"label": "Guide", "amount": 150}],
        },
    ),
}
OTHERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "getMe": ("User", {}),
    "getMyName": ("BotName", {}),
    "getMyDescription": ("BotDescription", {}),
    "getMyShortDescription": ("BotShortDescription", {"language_code": "pt"}),
    "setMyCommands": (bool, {"commands": [{"command": "a", "description": "b"}]}),
    "getMyCommands": (["BotCommand"], {}),
    "getWebhookInfo": ("WebhookInfo", {}),
    "getUpdates": (["Update"], {}),
}


def test_every_answer_has_what_the_bot_api_says_is_always_there(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.user(username="ana_sandbox")
    sandbox.act(user, bot, "start", payload="x")
    sandbox.act(user, bot, "block")
    sandbox.act(user, bot, "unblock")

    def ask(method: str, **params: Any) -> Any:
        answer = sandbox.call(bot["token"], method, **params)
        assert answer["ok"], (method, answer)
        return answer["result"]

    for method, (shape, params) in OTHERS.items():
        assert misfits(ask(method, **params), shape, method) == []
    assert misfits(ask("getMe"), "BotUser", "getMe") == []
    for method, (content, params) in MESSAGES.items():
        message = ask(method, chat_id=user, **params)
        assert content in message, method
        assert misfits(message, "Message", method) == []
    file_id = ask("sendDocument", chat_id=user, document=URL)["document"]["file_id"]
    assert misfits(ask("getFile", file_id=file_id), "File") == []
    group = sandbox.control("POST", "/groups", {"title": "G", "bots": [bot["username"]]})["group"]["id"]
    sandbox.control("POST", f"/groups/{group}/send", {"user_id": user, "text": "#oi /a@b_bot"})
    for chat in (user, group):
        assert misfits(ask("getChat", chat_id=chat), "ChatFullInfo") == []
        assert misfits(ask("getChatMember", chat_id=chat, user_id=user), "ChatMember") == []
        assert ask("getChatMember", chat_id=chat, user_id=bot["id"])["status"] == "member"
        assert ask("getChatMemberCount", chat_id=chat) == 2
    assert misfits(ask("getUpdates"), ["Update"], "update") == []
    sandbox.act(user, bot, "block")
    banned = ask("getChatMember", chat_id=user, user_id=bot["id"])
    assert misfits(banned, "ChatMemberBanned") == []
    stranger = sandbox.call(bot["token"], "getChatMember", chat_id=group, user_id=sandbox.user())
    assert stranger["description"] == "Bad Request: member not found"


def test_a_shape_that_does_not_fit_is_noticed() -> None:
    message = {"message_id": 1, "date": 1.5, "chat": {"id": 1}, "photo": [{"file_id": "x"}], "sticker": 1}
    assert misfits(message, "Message") == [
        ".date: 1.5 is no int",
        ".chat.type: missing",
        ".photo[0].file_unique_id: missing",
        ".photo[0].width: missing",
        ".photo[0].height: missing",
        ".sticker: no Sticker",
    ]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<pre><code class="language-python">x = 1</code></pre>', [("pre", 0, 5, {"language": "python"})]),
        ("<pre>x <code>y</code></pre>", [("pre", 0, 3, {})]),
        ("<code class='language-python'>x</code>", [("code", 0, 1, {})]),
        ("<blockquote expandable>a\nb</blockquote>", [("expandable_blockquote", 0, 3, {})]),
        ("<blockquote>a</blockquote>", [("blockquote", 0, 1, {})]),
        ('<tg-emoji emoji-id="5368">👍</tg-emoji>', [("custom_emoji", 0, 2, {"custom_emoji_id": "5368"})]),
        ('<span class="tg-spoiler">x</span>', [("spoiler", 0, 1, {})]),
        (
            '<a href="https://e.com/?a=1&amp;b=2">x</a>',
            [("text_link", 0, 1, {"url": "https://e.com/?a=1&b=2"})],
        ),
        ("😀 veja https://e.com/a?b=c, ou e.com.", [("url", 8, 19, {}), ("url", 32, 5, {})]),
        ("<b>x e.com</b>", [("bold", 0, 7, {}), ("url", 2, 5, {})]),
        ("<code>e.com @somebody</code>", [("code", 0, 15, {})]),
        ("e<b>.com</b>", [("url", 0, 5, {}), ("bold", 1, 4, {})]),
        ("<b>y e</b>.com", [("bold", 0, 3, {})]),
        ("@somebody e @abc, a@b_c", [("mention", 0, 9, {})]),
        ("#promoção #1 #2x ##no", [("hashtag", 0, 9, {}), ("hashtag", 13, 3, {})]),
        ("$USD $usd US$ $TON1", [("cashtag", 0, 4, {})]),
        ("/start x /help@some_bot a/b //c", [("bot_command", 0, 6, {}), ("bot_command", 9, 14, {})]),
        ("a.b@example.com", [("email", 0, 15, {})]),
        ("+55 11 99999-0000 ou 11 99999", [("phone_number", 0, 17, {})]),
        ("1.5 a/b 3,2 e.x x@y", []),
    ],
)
def test_marked_up_and_found_entities_are_telegrams(
    sandbox: Sandbox, html: str, expected: list[tuple[str, int, int, dict[str, Any]]]
) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    sent = sandbox.call(bot["token"], "sendMessage", chat_id=user, text=html, parse_mode="HTML")["result"]
    wanted = [
        {"type": kind, "offset": offset, "length": length, **more} for kind, offset, length, more in expected
    ]
    assert sent.get("entities", []) == wanted


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<tg-emoji>x</tg-emoji>", "Invalid custom emoji identifier specified"),
    ],
)
def test_a_tag_without_its_attribute_is_refused(sandbox: Sandbox, html: str, reason: str) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    answer = sandbox.call(bot["token"], "sendMessage", chat_id=user, text=html, parse_mode="HTML")
    assert answer["description"] == f"Bad Request: can't parse entities: {reason}"


def test_what_is_nowhere_or_nothing_is_refused(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    for method, params in (
        ("sendLocation", {"latitude": 91, "longitude": 0}),
        ("sendLocation", {"latitude": "north", "longitude": 0}),
        ("sendVenue", {**PLACE, "title": "", "address": "x"}),
        ("sendContact", {"phone_number": "+1", "first_name": " "}),
        ("sendDice", {"emoji": "🪙"}),
        ("setMyName", {"name": "x" * 65}),
    ):
        assert sandbox.call(bot["token"], method, chat_id=user, **params)["error_code"] == 400, params


def test_pytelegrambotapi_reads_what_the_sandbox_answers(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apihelper, "API_URL", sandbox.url + "/bot{0}/{1}")
    monkeypatch.setattr(apihelper, "CUSTOM_REQUEST_SENDER", None)
    made = sandbox.bot()
    user = sandbox.friend(made)
    bot: Any = telebot.TeleBot(made["token"], threaded=False)
    assert bot.get_me().username == made["username"]
    assert bot.get_chat(user).max_reaction_count == 11
    assert bot.get_chat_member(user, user).status == "member"
    assert bot.set_my_name("Loja")
    assert bot.get_my_name().name == "Loja"
    assert bot.send_sticker(user, URL).sticker.type == "regular"
    assert bot.send_location(user, 1.5, 2).location.latitude == 1.5
    assert bot.send_venue(user, 1.5, 2, "Masp", "Av. Paulista").venue.title == "Masp"
    assert bot.send_contact(user, "+55", "Ana").contact.first_name == "Ana"
    assert bot.send_video_note(user, URL).video_note.length == 384
    assert 1 <= bot.send_dice(user).dice.value <= 6
    sent = bot.send_message(
        user, '<pre><code class="language-sql">x</code></pre> @somebody', parse_mode="HTML"
    )
    assert [(entity.type, entity.language) for entity in sent.entities] == [("pre", "sql"), ("mention", None)]
    sandbox.act(user, made, "send", text="/buy #promo")
    [update] = bot.get_updates(timeout=1)
    assert [entity.type for entity in update.message.entities] == ["bot_command", "hashtag"]
