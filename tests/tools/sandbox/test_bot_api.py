"""Bot API answers and errors, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.tools.sandbox.bot_api import misfits

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Sandbox


def buttons(data: str) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "a", "callback_data": data}]]}


def test_tokens_are_malformed_unknown_or_revoked(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    assert sandbox.call("nonsense", "getMe") == {"ok": False, "error_code": 404, "description": "Not Found"}
    unauthorized = {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert sandbox.call("12345:" + "x" * 35, "getMe") == unauthorized
    assert sandbox.call(bot["token"], "getMe")["result"]["username"] == bot["username"]
    sandbox.control("POST", f"/bots/{bot['id']}/revoke")
    assert sandbox.call(bot["token"], "getMe") == unauthorized
    sandbox.control("POST", f"/bots/{bot['id']}/restore")
    assert sandbox.call(bot["token"], "GETME")["ok"]
    new = sandbox.control("POST", f"/bots/{bot['id']}/rotate")["bot"]["token"]
    assert sandbox.call(bot["token"], "getMe") == unauthorized
    assert sandbox.call(new, "getMe")["ok"]
    sandbox.control("POST", f"/bots/{bot['id']}/freeze")
    assert sandbox.call(new, "getMe")["description"] == "Bad Request: FROZEN_METHOD_INVALID"


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"text": "  "}, "Bad Request: message text is empty"),
        ({"text": "😀" * 2049}, "Bad Request: message is too long"),
        ({"text": "x", "reply_markup": buttons("é" * 33)}, "Bad Request: BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": buttons("")}, "Bad Request: BUTTON_DATA_INVALID"),
        (
            {"text": "<b>x", "parse_mode": "HTML"},
            "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            {"text": "é <x>", "parse_mode": "HTML"},
            'Bad Request: can\'t parse entities: Unsupported start tag "x" at byte offset 3',
        ),
    ],
)
def test_bad_messages_are_400_in_telegrams_words(
    sandbox: Sandbox, params: dict[str, Any], description: str
) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    answer = sandbox.call(bot["token"], "sendMessage", chat_id=user, **params)
    assert (answer["error_code"], answer["description"]) == (400, description)


def test_limits_are_met_exactly(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    sent = sandbox.call(
        bot["token"],
        "sendMessage",
        chat_id=user,
        text="<b>" + "😀" * 2048 + "</b>",
        parse_mode="HTML",
        reply_markup=buttons("x" * 64),
    )
    assert sent["result"]["entities"] == [{"type": "bold", "offset": 0, "length": 4096}]
    photo = {"chat_id": user, "photo": "https://example.com/a.jpg"}
    assert sandbox.call(bot["token"], "sendPhoto", caption="x" * 1024, **photo)["ok"]
    answer = sandbox.call(bot["token"], "sendPhoto", caption="x" * 1025, **photo)
    assert answer["description"] == "Bad Request: message caption is too long"


def test_403_names_what_the_person_did(sandbox: Sandbox) -> None:
    bot, user = sandbox.bot(), sandbox.user()

    def send(chat_id: int) -> str:
        return str(sandbox.call(bot["token"], "sendMessage", chat_id=chat_id, text="x").get("description"))

    assert send(4711) == "Bad Request: chat not found"
    assert send(user) == "Forbidden: bot can't initiate conversation with a user"
    sandbox.act(user, bot, "start")
    assert send(user) == "None"
    sandbox.act(user, bot, "block")
    assert send(user) == "Forbidden: bot was blocked by the user"
    sandbox.act(user, bot, "start")
    sandbox.control("POST", f"/users/{user}/deactivate")
    assert send(user) == "Forbidden: user is deactivated"


def test_an_upgraded_group_tells_its_new_id(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    group = sandbox.control("POST", "/groups", {"title": "G", "bots": [bot["username"]]})["group"]["id"]
    assert sandbox.call(bot["token"], "sendMessage", chat_id=group, text="x")["ok"]
    new = sandbox.control("POST", f"/groups/{group}/migrate")["group"]["id"]
    answer = sandbox.call(bot["token"], "sendMessage", chat_id=group, text="x")
    assert answer["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
    assert answer["parameters"] == {"migrate_to_chat_id": new}
    assert sandbox.call(bot["token"], "sendMessage", chat_id=new, text="x")["ok"]


def test_edits_change_the_transcript_and_refuse_to_change_nothing(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    sent = sandbox.call(bot["token"], "sendMessage", chat_id=user, text="a", reply_markup=buttons("1"))[
        "result"
    ]
    target = {"chat_id": user, "message_id": sent["message_id"]}
    same = sandbox.call(bot["token"], "editMessageText", text="a", reply_markup=buttons("1"), **target)
    assert same["description"].startswith("Bad Request: message is not modified")
    assert sandbox.call(bot["token"], "editMessageText", text="b", **target)["result"]["text"] == "b"
    shown = sandbox.transcript(user, bot)[-1]
    assert (shown["text"], shown["buttons"], shown["edited"]) == ("b", [], True)
    assert sandbox.call(bot["token"], "deleteMessage", **target)["result"] is True
    again = sandbox.call(bot["token"], "deleteMessage", **target)
    assert again["description"] == "Bad Request: message to delete not found"


def test_a_callback_is_answered_once_fresh_and_only_by_its_bot(sandbox: Sandbox) -> None:
    bot, stranger = sandbox.bot(), sandbox.bot()
    user = sandbox.friend(bot)
    sent = sandbox.call(bot["token"], "sendMessage", chat_id=user, text="a", reply_markup=buttons("1"))[
        "result"
    ]
    query = sandbox.act(user, bot, "press", message_id=sent["message_id"], data="1")["callback_query_id"]
    update = sandbox.call(bot["token"], "getUpdates")["result"][0]["callback_query"]
    assert (update["id"], update["data"], update["message"]["text"]) == (query, "1", "a")
    stale = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    answer = sandbox.call(stranger["token"], "answerCallbackQuery", callback_query_id=query)
    assert answer["description"] == stale
    assert (
        sandbox.call(bot["token"], "answerCallbackQuery", callback_query_id=query, text="ok")["result"]
        is True
    )
    assert sandbox.control("GET", f"/callbacks/{query}")["answer"] == {"text": "ok", "show_alert": False}
    sandbox.control("POST", "/clock", {"advance": 151})
    answer = sandbox.call(bot["token"], "answerCallbackQuery", callback_query_id=query)
    assert answer["description"] == stale


def test_files_belong_to_one_bot_and_can_be_downloaded(sandbox: Sandbox) -> None:
    bot, other = sandbox.bot(), sandbox.bot()
    user = sandbox.friend(bot)
    sandbox.act(user, other, "start")
    url = f"{sandbox.url}/bot{bot['token']}/sendDocument"
    fields: dict[str, Any] = {"chat_id": str(user), "document": ("a.txt", b"hello")}
    sent = sandbox.http.request("POST", url, fields=fields).json()["result"]
    file_id = sent["document"]["file_id"]
    assert sandbox.call(bot["token"], "sendDocument", chat_id=user, document=file_id)["ok"]
    refused = sandbox.call(other["token"], "sendDocument", chat_id=user, document=file_id)
    assert refused["description"] == "Bad Request: wrong file identifier/HTTP URL specified"
    path = sandbox.call(bot["token"], "getFile", file_id=file_id)["result"]["file_path"]
    assert sandbox.http.request("GET", f"{sandbox.url}/file/bot{bot['token']}/{path}").data == b"hello"


def test_get_urlencoded_json_and_multipart_mean_the_same(sandbox: Sandbox) -> None:
    bot = sandbox.bot()
    user = sandbox.friend(bot)
    url = f"{sandbox.url}/bot{bot['token']}/sendMessage"
    markup = '{"inline_keyboard":[[{"text":"a","callback_data":"x"}]]}'
    fields = {"chat_id": str(user), "text": "olá", "reply_markup": markup}
    answers = [
        sandbox.http.request("GET", url, fields=fields),
        sandbox.http.request("POST", url, fields=fields),
        sandbox.http.request("POST", url, fields=fields, encode_multipart=False),
        sandbox.http.request("POST", url, json=fields),
    ]
    results = [answer.json()["result"] for answer in answers]
    assert {result["text"] for result in results} == {"olá"}
    assert all(result["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "x" for result in results)


@pytest.mark.parametrize(
    ("params", "description"),
    [
        (
            {"url": "http://example.com/x"},
            "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
        ),
        (
            {"url": "https://example.com:9000/x"},
            "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        (
            {"url": "http://127.0.0.1:9/x", "secret_token": "a b"},
            "Bad Request: secret token contains unallowed characters",
        ),
    ],
)
def test_bad_webhooks_are_refused(sandbox: Sandbox, params: dict[str, Any], description: str) -> None:
    assert sandbox.call(sandbox.bot()["token"], "setWebhook", **params)["description"] == description


def test_a_repeated_webhook_is_a_no_op_and_hurry_is_429_in_strict_mode(sandbox: Sandbox) -> None:
    token = sandbox.bot(strict=True)["token"]
    assert sandbox.call(token, "setWebhook", url="https://example.com/a")["description"] == "Webhook was set"
    again = sandbox.call(token, "setWebhook", url="https://example.com/a")
    assert again["description"] == "Webhook is already set"
    hurried = sandbox.call(token, "setWebhook", url="https://example.com/b")
    assert (hurried["error_code"], hurried["parameters"]) == (429, {"retry_after": 1})


def test_a_managed_bot_is_announced_and_its_token_can_be_replaced(sandbox: Sandbox) -> None:
    manager, user = sandbox.bot(can_manage_bots=True), sandbox.user()
    other, heir = sandbox.bot(can_manage_bots=True), sandbox.user()

    def told() -> list[dict[str, Any]]:
        updates = sandbox.call(manager["token"], "getUpdates")["result"]
        assert misfits(updates, ["Update"]) == []
        sandbox.call(manager["token"], "getUpdates", offset=updates[-1]["update_id"] + 1)
        return [update["managed_bot"] for update in updates]

    made = sandbox.control(
        "POST", f"/bots/{manager['id']}/managed", {"user_id": user, "username": "child_bot"}
    )
    [update] = told()
    assert (update["user"]["id"], update["bot"]["username"]) == (user, "child_bot")
    token = sandbox.call(manager["token"], "getManagedBotToken", user_id=made["id"])["result"]
    assert sandbox.call(token, "getMe")["result"]["id"] == made["id"]
    new = sandbox.call(manager["token"], "replaceManagedBotToken", user_id=made["id"])["result"]
    assert sandbox.call(token, "getMe")["error_code"] == 401
    assert sandbox.call(new, "getMe")["ok"]
    sandbox.control("POST", f"/bots/{made['id']}/owner", {"user_id": heir})
    sandbox.control("POST", f"/bots/{made['id']}/rotate")
    assert [each["user"]["id"] for each in told()] == [user, heir, heir]
    for method in ("getManagedBotToken", "replaceManagedBotToken"):
        foreign = sandbox.call(other["token"], method, user_id=made["id"])
        assert foreign["description"] == "Bad Request: BOT_INVALID"
    sandbox.control("POST", f"/bots/{manager['id']}/unmanage")
    assert sandbox.call(manager["token"], "getManagedBotToken", user_id=made["id"])["error_code"] == 400
