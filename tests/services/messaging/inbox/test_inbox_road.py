"""From a person's message to an operator's answer and back, on real parts: by the panel and from a group with topics."""

from __future__ import annotations

from typing import Any

import urllib3
from sqlalchemy import select, update

from models import Account, Bot, Conversation
from services.messaging.inbox import answering
from services.messaging.inbox.conversations import WholeConversation, get_conversation
from services.messaging.inbox.fields import NewAnswer
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.draining import letters
from tools.servers.fleet import accept_all, add_bot, message, working
from tools.servers.sandbox import Sandbox, wait_until


def keeping_bot(platform: Platform, sandbox: Sandbox, identity: dict[str, Any], *plugins: Any) -> Bot:
    """A bot at the sandbox that keeps messages."""
    bot = add_bot(platform, identity, plugins)
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(keeps_messages=True))
    return bot


def owner_of(platform: Platform, bot: Bot) -> Principal:
    with platform.database.reading() as session:
        return command_principal(session.get_one(Account, bot.account_id))


def talk_of(platform: Platform, owner: Principal) -> WholeConversation | None:
    """The only conversation, once it is there."""
    with platform.database.reading() as session:
        number = session.scalar(select(Conversation.id))
    return None if number is None else get_conversation(platform, owner, number)


def told(talk: WholeConversation | None) -> list[tuple[str, str, str]]:
    """Direction, text and status of each message."""
    messages = talk["messages"] if talk else []
    return [(each["direction"], each["text"], each["status"]) for each in messages]


def test_an_answer_of_the_panel_reaches_the_person_once(platform: Platform, sandbox: Sandbox) -> None:
    identity = sandbox.create_bot()
    ana = int(sandbox.create_user(first_name="Ana")["id"])
    sandbox.start(ana, identity["username"])
    bot = keeping_bot(platform, sandbox, identity, ("echo", {"echo_all": True}))
    owner = owner_of(platform, bot)
    with working(platform):
        accept_all(platform, bot, [message(1, ana, "Is it paid?")])
        wait_until(lambda: len(told(talk_of(platform, owner))) == 2)
        talk = talk_of(platform, owner)
        assert talk is not None
        assert talk["unanswered_since"] is not None  # what the bot says by itself is no answer
        wanted = NewAnswer(text="Yes, <3", form_key="form-0001", revision=talk["revision"])
        answering.answer(platform, owner, talk["id"], wanted)
        answering.answer(platform, owner, talk["id"], wanted)
        wait_until(lambda: told(talk_of(platform, owner))[-1:] == [("out", "Yes, <3", "sent")])
    texts = [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]
    assert texts.count("Yes, <3") == 1
    assert told(talk_of(platform, owner))[0] == ("in", "Is it paid?", "")
    assert letters(platform) == []


def test_an_answer_that_telegram_refuses_says_so_and_the_person_waits_again(
    platform: Platform, sandbox: Sandbox
) -> None:
    identity = sandbox.create_bot()
    ana = int(sandbox.create_user(first_name="Ana")["id"])
    bot = keeping_bot(platform, sandbox, identity)
    owner = owner_of(platform, bot)
    with working(platform):
        accept_all(platform, bot, [message(1, ana, "Hello")])  # who has not started the bot at Telegram
        wait_until(lambda: talk_of(platform, owner) is not None)
        talk = talk_of(platform, owner)
        assert talk is not None
        wanted = NewAnswer(text="Hi", form_key="form-0001", revision=talk["revision"])
        answering.answer(platform, owner, talk["id"], wanted)
        wait_until(lambda: told(talk_of(platform, owner))[-1:] == [("out", "Hi", "failed")])
    after = talk_of(platform, owner)
    assert after is not None
    assert after["unanswered_since"] is not None
    assert after["messages"][-1]["failure"]


def test_an_answer_from_a_topic_counts_as_one(platform: Platform, sandbox: Sandbox) -> None:
    identity = sandbox.create_bot(strict=False)
    name = identity["username"]
    ana = int(sandbox.create_user(first_name="Ana")["id"])
    olga = int(sandbox.create_user(first_name="Olga")["id"])
    sandbox.start(ana, name)
    group = int(sandbox.post("/groups", {"bots": [name], "forum": True})["group"]["id"])
    bot = keeping_bot(platform, sandbox, identity, ("support", {"group_id": group}))
    owner = owner_of(platform, bot)
    heard = f"{sandbox.url}/bot{identity['token']}/getUpdates"

    def bring() -> None:
        """What happened at Telegram since the last time comes in."""
        updates = urllib3.request("POST", heard).json()["result"]
        urllib3.request("POST", heard, json={"offset": updates[-1]["update_id"] + 1})
        accept_all(platform, bot, updates)

    with working(platform):
        sandbox.send(ana, name, "My order is late")
        bring()
        wait_until(lambda: sandbox.sent(name, "copyMessage"))
        [copied] = sandbox.sent(name, "copyMessage")
        topic = int(copied["params"]["message_thread_id"])
        talk = talk_of(platform, owner)
        assert talk is not None
        assert talk["unanswered_since"] is not None
        said = {"user_id": olga, "text": "It leaves today.", "topic": topic}
        sandbox.post(f"/groups/{group}/send", said)
        bring()
        wait_until(lambda: (talk_of(platform, owner) or talk)["answered_by"] == "telegram")
    answered = talk_of(platform, owner)
    assert answered is not None
    assert answered["unanswered_since"] is None
    assert answered["taken_over_until"] is not None
    assert [each["kind"] for each in answered["messages"] if each["by"] == "telegram"] == ["copy"]
    assert letters(platform) == []
