"""Webhook delivery: order, parallelism, retries, expiry, secret, keep-alive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.tools.sandbox.conftest import Receiver, Sandbox

Json = dict[str, Any]


def hooked(sandbox: Sandbox, receiver: Receiver, **params: Any) -> Json:
    bot = sandbox.bot()
    assert sandbox.call(bot["token"], "setWebhook", url=receiver.url, **params)["ok"]
    return bot


def texts(updates: list[Json]) -> list[str]:
    return [update["message"]["text"] for update in updates]


def settled(read: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not read():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_updates_arrive_with_the_secret_header_and_sequential_ids(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    bot = hooked(sandbox, receiver, secret_token="s-3cret_")
    user = sandbox.user()
    sandbox.act(user, bot, "start", payload="acesso_abc")
    sandbox.act(user, bot, "send", text="two")
    first, second = receiver.wait(2)
    assert first["message"]["text"] == "/start acesso_abc"
    assert second["update_id"] == first["update_id"] + 1
    assert {headers["X-Telegram-Bot-Api-Secret-Token"] for headers in receiver.headers} == {"s-3cret_"}


def test_messages_of_one_chat_come_in_order_and_one_at_a_time(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.hold = lambda _update: time.sleep(0.01)
    bot, user = hooked(sandbox, receiver), sandbox.user()
    for number in range(12):
        sandbox.act(user, bot, "send", text=str(number))
    assert texts(receiver.wait(12)) == [str(number) for number in range(12)]
    assert receiver.most_running == 1


def test_different_chats_are_delivered_in_parallel_up_to_max_connections(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    receiver.hold = lambda _update: time.sleep(0.15)
    bot = hooked(sandbox, receiver, max_connections=3)
    for _ in range(9):
        sandbox.act(sandbox.user(), bot, "send", text="hi")
    receiver.wait(9)
    assert receiver.most_running == 3


def test_a_slow_message_does_not_hold_back_a_callback_of_the_same_chat(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    bot = hooked(sandbox, receiver)
    user = sandbox.user()
    sandbox.act(user, bot, "start")
    receiver.wait(1)
    markup = {"inline_keyboard": [[{"text": "a", "callback_data": "go"}]]}
    sent = sandbox.call(bot["token"], "sendMessage", chat_id=user, text="?", reply_markup=markup)["result"]
    answered = threading.Event()
    receiver.hold = lambda update: "message" in update and answered.wait(30)
    sandbox.act(user, bot, "send", text="slow")
    sandbox.act(user, bot, "press", message_id=sent["message_id"], data="go")
    settled(lambda: any("callback_query" in update for update in receiver.seen))
    answered.set()


def test_a_failing_chat_is_retried_with_growing_waits_while_others_go_on(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    bot = hooked(sandbox, receiver)
    one, other = sandbox.user(), sandbox.user()
    receiver.script = [(500, {})] * 4
    sandbox.act(one, bot, "send", text="bad")
    receiver.wait(3)
    receiver.script.insert(0, (200, {}))
    sandbox.act(other, bot, "send", text="good")
    settled(lambda: "good" in texts(receiver.seen))
    settled(lambda: texts(receiver.seen).count("bad") == 5)
    at = [when for when, text in zip(receiver.times, texts(receiver.seen), strict=True) if text == "bad"]
    gaps = [later - earlier for earlier, later in pairwise(at)][1:]  # the first retry comes at once
    # 2, 4 and 8 s at the retry factor of 0.05; a busy machine is later, never sooner.
    assert all(gap > least for gap, least in zip(gaps, (0.09, 0.19, 0.39), strict=True))


def test_retry_keeps_the_order_of_the_chat(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    receiver.script = [(503, {}), (503, {})]
    for text in ("1", "2", "3"):
        sandbox.act(user, bot, "send", text=text)
    assert texts(receiver.wait(5)) == ["1", "1", "1", "2", "3"]


def test_retry_after_of_the_receiver_is_honoured(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    receiver.script = [(503, {"Retry-After": "8"})]
    sandbox.act(user, bot, "send", text="x")
    receiver.wait(2)
    assert receiver.times[1] - receiver.times[0] > 0.38  # 8 s at the retry factor of 0.05; else at once


def test_the_last_error_and_the_pending_count_are_told(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    receiver.script = [(500, {"Retry-After": "3600"})]
    sandbox.act(user, bot, "send", text="x")
    receiver.wait(1)
    settled(lambda: "last_error_date" in sandbox.call(bot["token"], "getWebhookInfo")["result"])
    info = sandbox.call(bot["token"], "getWebhookInfo")["result"]
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"
    assert info["pending_update_count"] == 1
    assert "secret_token" not in info


def test_a_refused_and_a_silent_receiver_are_told_apart(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    receiver.hold = lambda _update: time.sleep(2.5)
    sandbox.act(user, bot, "send", text="x")

    def error() -> str:
        info = sandbox.call(bot["token"], "getWebhookInfo")["result"]
        return str(info.get("last_error_message", ""))

    settled(lambda: error() == "Read timeout expired")
    sandbox.call(bot["token"], "setWebhook", url="http://127.0.0.1:1/nobody")
    settled(lambda: error() == "Connection refused")


def test_messages_expire_after_a_day_and_callbacks_after_150_seconds(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    bot, user = sandbox.bot(), sandbox.user()
    sandbox.act(user, bot, "start")
    query = {"id": "77", "from": {"id": user}, "chat_instance": "1", "data": "x"}
    sandbox.control("POST", f"/updates/{bot['id']}", {"update": {"callback_query": query}})
    sandbox.control("POST", "/clock", {"advance": 151})
    assert sandbox.call(bot["token"], "getWebhookInfo")["result"]["pending_update_count"] == 1
    sandbox.control("POST", "/clock", {"advance": 24 * 3600})
    assert sandbox.call(bot["token"], "getWebhookInfo")["result"]["pending_update_count"] == 0


def test_410_for_23_hours_deletes_the_webhook(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    receiver.script = [(410, {})] * 50
    sandbox.act(user, bot, "send", text="x")
    receiver.wait(2)
    assert sandbox.call(bot["token"], "getWebhookInfo")["result"]["url"]
    sandbox.control("POST", "/clock", {"advance": 23 * 3600 + 1})
    settled(lambda: not sandbox.call(bot["token"], "getWebhookInfo")["result"]["url"])


def test_a_revoked_bot_gets_nothing_until_it_is_restored(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    sandbox.control("POST", f"/bots/{bot['username']}/revoke")
    sandbox.act(user, bot, "send", text="while dead")
    time.sleep(0.1)
    assert receiver.seen == []
    sandbox.control("POST", f"/bots/{bot['username']}/restore")
    assert texts(receiver.wait(1)) == ["while dead"]


def test_connections_are_kept_alive(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    for number in range(10):
        sandbox.act(user, bot, "send", text=str(number))
    receiver.wait(10)
    assert len(receiver.peers) == 1


def test_any_2xx_counts_as_delivered_and_the_answer_may_call_a_method(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    receiver.script = [(202, {})]
    receiver.answer_body = b'{"method":"sendMessage","chat_id":%d,"text":"from the answer"}' % user
    sandbox.act(user, bot, "start")
    settled(lambda: [m["text"] for m in sandbox.transcript(user, bot)] == ["/start", "from the answer"])


def test_allowed_updates_filter_and_stay_when_left_out(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver, allowed_updates=["message"]), sandbox.user()
    sandbox.act(user, bot, "start")
    sandbox.act(user, bot, "block")
    sandbox.act(user, bot, "unblock")
    sandbox.call(bot["token"], "setWebhook", url=receiver.url, max_connections=7)
    assert sandbox.call(bot["token"], "getWebhookInfo")["result"]["allowed_updates"] == ["message"]
    sandbox.call(bot["token"], "setWebhook", url=receiver.url, allowed_updates=[])
    sandbox.act(user, bot, "block")
    kinds = [next(key for key in update if key != "update_id") for update in receiver.wait(2)]
    assert sorted(kinds) == ["message", "my_chat_member"]  # queues of their own: either may come first


def test_a_new_webhook_is_tried_at_once_and_gets_nothing_twice(sandbox: Sandbox, receiver: Receiver) -> None:
    bot, user = hooked(sandbox, receiver), sandbox.user()
    receiver.script = [(503, {"Retry-After": "3600"})]  # 180 s at the retry factor of 0.05
    sandbox.act(user, bot, "send", text="waiting")
    receiver.wait(1)
    receiver.hold = lambda _update: time.sleep(0.1)
    sandbox.call(bot["token"], "setWebhook", url=receiver.url, secret_token="another")
    receiver.wait(2)
    sandbox.call(bot["token"], "setWebhook", url=receiver.url, secret_token="other")
    sandbox.act(user, bot, "send", text="next")
    receiver.wait(3)
    time.sleep(0.4)
    assert texts(receiver.seen) == ["waiting", "waiting", "next"]


def test_a_raw_update_can_be_delivered_twice_with_the_same_id(sandbox: Sandbox, receiver: Receiver) -> None:
    bot = hooked(sandbox, receiver)
    person = {"id": 9_007_199_254_740_000, "first_name": "Big"}
    message = {
        "message_id": 1,
        "from": person,
        "chat": {**person, "type": "private"},
        "date": 1,
        "text": "raw",
    }
    update = {"update_id": 42, "message": message}
    sandbox.control("POST", f"/updates/{bot['id']}", {"updates": [update, update]})
    assert [seen["update_id"] for seen in receiver.wait(2)] == [42, 42]
    assert sandbox.call(bot["token"], "sendMessage", chat_id=person["id"], text="hi")["ok"]
