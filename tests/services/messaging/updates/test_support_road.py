"""The built-in support from the person's message to the operators' group, on real parts."""

from __future__ import annotations

from typing import Any

import urllib3

from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.platform import Platform
from tests.services.messaging.draining import letters
from tools.servers.fleet import accept_all, add_bot, message, working
from tools.servers.sandbox import Sandbox, wait_until


def test_a_message_reaches_a_group_that_has_no_topics(platform: Platform, sandbox: Sandbox) -> None:
    identity = sandbox.create_bot(strict=False)
    user = int(sandbox.create_user(first_name="Ana")["id"])
    sandbox.start(user, identity["username"])
    group = int(sandbox.post("/groups", {"bots": [identity["username"]]})["group"]["id"])
    bot = add_bot(platform, identity, (("support", {"group_id": group}),))
    written = message(1, user, "My order is late")
    written["message"]["message_id"] = sandbox.send(user, identity["username"], "My order is late")
    store = BotDatabase(platform.database, bot.id, "support")
    with working(platform):
        accept_all(platform, bot, [written])
        wait_until(lambda: len(store.list("reply:")) == 2)
    [copied] = sandbox.sent(bot.username, "copyMessage")
    assert (copied["chat_id"], copied["text"]) == (group, "My order is late")
    assert [each["chat_id"] for each in sandbox.sent(bot.username, "sendMessage")] == [group]
    assert list(store.list("reply:").values()) == [user, user]
    assert letters(platform) == []


def test_a_person_has_a_topic_of_a_forum_and_another_when_that_was_deleted(
    platform: Platform, sandbox: Sandbox
) -> None:
    identity = sandbox.create_bot(strict=False)
    name = identity["username"]
    ana = int(sandbox.create_user(first_name="Ana")["id"])
    olga = int(sandbox.create_user(first_name="Olga")["id"])
    sandbox.start(ana, name)
    group = int(sandbox.post("/groups", {"bots": [name], "forum": True})["group"]["id"])
    bot = add_bot(platform, identity, (("support", {"group_id": group}),))
    heard = f"{sandbox.url}/bot{identity['token']}/getUpdates"

    def bring() -> None:
        """What happened at Telegram since the last time comes in."""
        updates = urllib3.request("POST", heard).json()["result"]
        urllib3.request("POST", heard, json={"offset": updates[-1]["update_id"] + 1})
        accept_all(platform, bot, updates)

    def copied(chat_id: int) -> list[dict[str, Any]]:
        return [each for each in sandbox.sent(name, "copyMessage") if each["chat_id"] == chat_id]

    def topics() -> list[int]:
        return [int(each["params"]["message_thread_id"]) for each in copied(group)]

    with working(platform):
        sandbox.send(ana, name, "My order is late")
        bring()
        wait_until(lambda: len(copied(group)) == 1)
        [first] = topics()
        [made] = sandbox.sent(name, "createForumTopic")
        assert (made["chat_id"], made["params"]["name"]) == (group, "Ana")
        said = {"user_id": olga, "text": "It leaves today."}
        sandbox.post(f"/groups/{group}/send", {**said, "topic": first})
        sandbox.post(f"/groups/{group}/send", {**said, "text": "among ourselves"})
        bring()
        wait_until(lambda: copied(ana))
        sandbox.post(f"/groups/{group}/topics/{first}/delete")
        sandbox.send(ana, name, "Still nothing")
        bring()
        wait_until(lambda: len(copied(group)) == 2)
    assert topics()[1] != first
    assert [each["text"] for each in copied(group)] == ["My order is late", "Still nothing"]
    assert [each["text"] for each in copied(ana)] == ["It leaves today."]
    assert len(sandbox.sent(name, "createForumTopic")) == 2
    assert letters(platform) == []
