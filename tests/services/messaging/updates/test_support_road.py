"""The built-in support from the person's message to the operators' group, on real parts."""

from __future__ import annotations

from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.platform import Platform
from tests.services.messaging.draining import letters
from tools.servers.fleet import accept_all, add_bot, message, working
from tools.servers.sandbox import Sandbox, wait_until


def test_a_message_reaches_a_group_that_has_no_topics(platform: Platform, sandbox: Sandbox) -> None:
    """The sandbox knows no topics: it refuses to open one, which the plugin hears of."""
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
