"""Groups in which administrators hide, and groups that become supergroups: buttons, conversations and messages go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from models import Bot
from plugins.address import ANONYMOUS_ADMIN, CHANNEL
from plugins.base import BasePlugin
from plugins.context import Context
from plugins.effects import Priority
from plugins.router import Router
from services.core.i18n import translate
from services.messaging.limits.notices import NOT_VALID
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.upgraded_groups import UpgradedGroups, upgrade_told_by
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.plugins.offering import offered
from tests.services.messaging.draining import QUICK, QUICK_SENDING, handle_all, letters, send_all
from tools.servers.fleet import accept_all, add_bot, message, stream
from tools.servers.sandbox import Sandbox

FORMER, PRESENT = -50, -1000000000050
GROUP = {"id": FORMER, "type": "group", "title": "G"}
SUPERGROUP = {"id": PRESENT, "type": "supergroup", "title": "G"}
REFUSED = translate(NOT_VALID, "pt")
AT_ONCE = replace(QUICK, idle_timeout=0.02, read_timeout=0.02)


class CounterPlugin(BasePlugin):
    """Counts messages and taps of a conversation under a button; `end` ends it."""

    name = "counter"

    def setup_handlers(self, router: Router) -> None:
        router.text("end")(lambda _message, ctx: ctx.clear_state())
        router.text()(lambda _message, ctx: self._count(ctx))
        router.callback("more", "once")(lambda _query, ctx: self._count(ctx))
        router.command("once")(lambda _message, ctx: self._offer(ctx))

    def _offer(self, ctx: Context) -> None:
        ctx.send("?", reply_markup={"inline_keyboard": [[ctx.button("+", "once", once=True)]]})

    def _count(self, ctx: Context) -> None:
        ctx.update_data(count=ctx.data.get("count", 0) + 1)
        ctx.send(str(ctx.data["count"]), reply_markup={"inline_keyboard": [[ctx.button("+", "more")]]})


@pytest.fixture
def platform(platform: Platform) -> Iterator[Platform]:
    with offered(CounterPlugin):
        yield Platform(platform.settings.model_copy(update={"cooldown_seconds": 0.0, "update_lanes": 1}))


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    return add_bot(platform, sandbox.create_bot(), (("counter", {}),))


class Group:
    """People who write and tap in a group with the bot; each act gives what the bot says and its button."""

    def __init__(self, platform: Platform, bot: Bot, chat: dict[str, Any]) -> None:
        self.platform, self.bot, self.chat, self.button = platform, bot, chat, ""

    def write(self, text: str, user: int = 1, **fields: Any) -> str:
        update = message(0, user, text)
        update["message"] |= {"chat": self.chat, **fields}
        return self._act(update)

    def tell(self, **fields: Any) -> None:
        """A service message of the group."""
        update = message(0, 1, "")
        del update["message"]["text"]
        update["message"] |= {"chat": self.chat, **fields}
        self._act(update)

    def tap(self, user: int = 1) -> str:
        sender = message(1, user, "")["message"]["from"]
        shown = {"message_id": 1, "date": 1, "chat": self.chat, "text": "x"}
        query = {"id": "1", "from": sender, "message": shown, "chat_instance": "1", "data": self.button}
        return self._act({"update_id": 0, "callback_query": query})

    def _act(self, update: dict[str, Any]) -> str:
        redis = self.platform.redis
        outboxes = [keys.outbox(self.bot.id, priority) for priority in ("reply", "answer")]
        redis.delete(*outboxes)
        accept_all(self.platform, self.bot, [{**update, "update_id": redis.incr("test:updates")}])
        handle_all(self.platform, timings=AT_ONCE)
        assert letters(self.platform) == []
        calls = [json.loads(fields["call"])["params"] for _, fields in stream(self.platform, outboxes[0])]
        answers = [json.loads(fields["call"])["params"] for _, fields in stream(self.platform, outboxes[1])]
        for call in calls:
            self.button = call["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        return "".join(call.get("text", "") for call in (*calls, *answers))


def hidden(account: int, chat: dict[str, Any]) -> dict[str, Any]:
    """The sender of a message that comes under an account of Telegram's, in the name of a chat."""
    return {"from": {"id": account, "is_bot": True, "first_name": "G"}, "sender_chat": chat}


def test_an_anonymous_administrator_taps_under_their_own_id(
    platform: Platform, bot: Bot, sandbox: Sandbox
) -> None:
    admin, member = sandbox.create_user()["id"], sandbox.create_user()["id"]
    chat = sandbox.post("/groups", {"title": "G", "bots": [bot.username], "admins": [admin]})["group"]
    group, elsewhere = Group(platform, bot, chat), Group(platform, bot, GROUP)
    as_group = hidden(ANONYMOUS_ADMIN, chat)
    assert group.write("menu", **as_group) == "1"
    assert group.tap(member) == REFUSED
    assert group.tap(admin) == "2"  # the conversation that the menu began
    assert group.tap(admin) == "3"  # also with the button of the tap's answer
    assert group.write("more", **as_group) == "4"
    elsewhere.button = group.button
    assert elsewhere.tap(admin) == REFUSED
    assert group.write("/once", **as_group) == "?"
    assert group.tap(member) == REFUSED
    assert group.tap(admin) == "5", "the member has not used it up"
    own = group.write("menu", member)
    assert (own, group.tap(admin), group.tap(member)) == ("1", REFUSED, "2")


def test_buttons_for_a_channel_that_writes_in_a_group_work_for_everybody(
    platform: Platform, bot: Bot
) -> None:
    group = Group(platform, bot, SUPERGROUP)
    group.write("menu", **hidden(CHANNEL, {"id": -1000000000077, "type": "channel", "title": "C"}))
    assert group.tap(9) == "1"


@pytest.mark.parametrize("told_in", ["the group", "the supergroup"])
def test_an_upgraded_group_keeps_its_buttons_and_conversations(
    platform: Platform, bot: Bot, told_in: str
) -> None:
    before, after = Group(platform, bot, GROUP), Group(platform, bot, SUPERGROUP)
    assert before.write("hi") == "1"
    after.button = before.button
    assert after.tap() == REFUSED  # nobody has told of an upgrade yet
    if told_in == "the group":
        before.tell(migrate_to_chat_id=PRESENT)
    else:
        after.tell(migrate_from_chat_id=FORMER)
    assert after.tap(2) == REFUSED
    assert after.tap() == "2"
    assert after.tap() == "3"
    assert after.write("hi") == "4"
    assert before.tap() == "5"  # on a message that stayed in the group
    after.write("end")
    assert after.write("hi") == "1"


def test_only_a_group_can_become_a_supergroup() -> None:
    for former, present in ((PRESENT, FORMER), (FORMER, FORMER), (5, PRESENT), (FORMER, 5), ("x", PRESENT)):
        chat = {"id": former, "type": "group"}
        assert upgrade_told_by({"message": {"chat": chat, "migrate_to_chat_id": present}}) is None


def test_messages_follow_the_group_and_edits_of_its_messages_end(
    platform: Platform, bot: Bot, sandbox: Sandbox
) -> None:
    group = sandbox.post("/groups", {"title": "G", "bots": [bot.username]})["group"]["id"]
    present = sandbox.post(f"/groups/{group}/migrate")["group"]["id"]
    fast = Platform(platform.settings.model_copy(update={"pacing_group_per_minute": 1000.0}))
    reply = {"reply_parameters": {"message_id": 1, "allow_sending_without_reply": True}}
    for method, params in (
        ("editMessageText", {"text": "edit", "message_id": 1}),
        ("sendMessage", {"text": "one", **reply}),
        ("sendMessage", {"text": "two"}),
        ("editMessageText", {"text": "edit", "message_id": 1}),
    ):
        enqueue_call(fast, bot.id, method, {"chat_id": group, **params}, Priority.REPLY)
    send_all(fast, bot, QUICK_SENDING)
    sent = sandbox.sent(bot.username, "sendMessage")
    assert [(int(each["chat_id"]), each["text"]) for each in sent] == [(present, "one"), (present, "two")]
    assert "reply_parameters" not in sent[0]["params"]
    assert sandbox.calls("sendMessage") == 3  # the refusal is met once
    assert letters(fast) == []
    assert UpgradedGroups(fast).former_id(bot.id, present) == group
