"""One trouble is one message in a chat, one row in the panel and one thread of mails, however much happens in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.alerts.notifications.fields import NewDestination
from services.alerts.notifications.incidents import JOINS, recent_incidents, standing, unread_incidents
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.alerts.notifications.registry import create_destination
from services.alerts.notifications.sending import deliver_due
from services.alerts.notifications.texts import parameters_of
from services.platform.platform import Platform
from tests.services.alerts.notifications.world import GROUPED, Owner
from tests.services.fleet.health.world import Fleet, make_fleet
from tools.servers.receivers import Mailbox, Receiver
from tools.servers.sandbox import Sandbox

OFFLINE, BANNED, BACK = "⚠️ Bot @a", "⛔ Bot @a", "✅ Bot @a"


@dataclass
class Chat:
    """A fleet whose owner reads a chat with the first bot."""

    fleet: Fleet
    person: int
    told: int = 0

    def tell(self, kind: Kind, bot: int = 1, name: str = "a") -> None:
        """Notify of `kind` about a bot of the pool, and send what is due."""
        fleet = self.fleet
        told = {"bot": name, "pool": "P", "lost": f"@{name}", "promoted": "–"}
        params = {each: told.get(each, "") for each in parameters_of(kind)}
        self.told += 1
        with fleet.platform.database.transaction() as session:
            about = None if kind in (Kind.BAN_WAVE, Kind.POOL_CRITICAL) else fleet.bot_ids[bot]
            key = f"{kind}:{self.told}"
            notify(
                session,
                fleet.caller.account_id,
                kind,
                kind.level,
                key,
                params,
                fleet.pool_id,
                about,
                fleet.clock(),
            )
        self.send()

    def send(self, seconds: float = GROUPED) -> int:
        """Let time pass and send what is due; how many messages arrived."""
        self.fleet.clock.now += timedelta(seconds=seconds)
        return deliver_due(self.fleet.platform, clock=self.fleet.clock, chance=lambda: 0.5)

    def texts(self, bot: int = 0) -> list[str]:
        """The messages that stand in the chat."""
        shown = self.fleet.sandbox.transcript(self.person, self.fleet.names[bot])
        return [one["text"] for one in shown if one["direction"] == "out" and not one["deleted"]]

    def calls(self) -> list[str]:
        """What was asked of Telegram for these messages."""
        methods = ("sendMessage", "editMessageText", "deleteMessage")
        every = self.fleet.sandbox.sent()
        return [call["method"] for call in every if call["method"] in methods]


@pytest.fixture
def chat(platform: Platform, sandbox: Sandbox) -> Chat:
    """A chat that is linked to the first of three bots."""
    fleet = make_fleet(platform, sandbox, 3)
    person = int(sandbox.create_user(first_name="Ana")["id"])
    sandbox.start(person, fleet.names[0])
    new = NewDestination("telegram", address=str(person), bot_id=fleet.bot_ids[0])
    create_destination(platform, fleet.caller, new)
    return Chat(fleet, person)


@pytest.mark.data
def test_a_bot_that_goes_is_banned_and_comes_back_is_one_message_that_changes(chat: Chat) -> None:
    chat.tell(Kind.MEMBER_OFFLINE)
    chat.fleet.clock.pause(120)
    chat.tell(Kind.MEMBER_BANNED)
    (text,) = chat.texts()
    assert text.startswith(BANNED)
    assert OFFLINE not in text
    chat.fleet.clock.pause(7200)
    chat.tell(Kind.MEMBER_ONLINE)
    (text,) = chat.texts()
    assert text.startswith(BACK)
    assert chat.calls() == ["sendMessage", "editMessageText", "editMessageText"]


def test_a_wave_rings_once_more_and_takes_the_former_message_away(chat: Chat) -> None:
    chat.tell(Kind.MEMBER_OFFLINE)
    chat.fleet.clock.pause(60)
    chat.tell(Kind.MEMBER_OFFLINE, 2, "b")
    assert chat.calls() == ["sendMessage", "editMessageText"]
    chat.tell(Kind.BAN_WAVE)
    chat.tell(Kind.MEMBER_ONLINE)
    (text,) = chat.texts()
    assert [line[:8] for line in text.split("\n\n")] == ["🌊 Onda d", "⚠️ Bot @", "✅ Bot @a"[:8]]
    assert chat.calls()[2:] == ["sendMessage", "deleteMessage", "editMessageText"]


def test_what_happens_long_after_or_elsewhere_is_another_message(chat: Chat) -> None:
    chat.tell(Kind.MEMBER_OFFLINE)
    chat.fleet.clock.pause(JOINS.total_seconds())
    chat.tell(Kind.MEMBER_OFFLINE, 2, "b")
    assert len(chat.texts()) == 2
    with chat.fleet.platform.database.transaction() as session:
        params = {"fingerprint": "f", "count": 1, "error": "E", "bots": "@a", "uncertain": ""}
        account, kind = chat.fleet.caller.account_id, Kind.DEAD_LETTERS
        notify(session, account, kind, kind.level, "d:f:1", params, at=chat.fleet.clock(), subject="f")
    chat.send()
    assert len(chat.texts()) == 3


def test_a_message_that_was_deleted_by_its_reader_is_sent_anew(chat: Chat) -> None:
    chat.tell(Kind.MEMBER_OFFLINE)
    sent_as = chat.fleet.sandbox.transcript(chat.person, chat.fleet.names[0])[-1]["message_id"]
    token = chat.fleet.sandbox.bot(chat.fleet.names[0])["token"]
    params = {"chat_id": chat.person, "message_id": sent_as}
    chat.fleet.platform.telegram.call(token, "deleteMessage", params)
    chat.tell(Kind.MEMBER_ONLINE)
    (text,) = chat.texts()
    assert text.startswith(BACK)


@pytest.mark.data
def test_news_that_come_while_the_message_is_not_through_yet_go_with_it(chat: Chat) -> None:
    chat.fleet.sandbox.fault("status", status=500, method="sendMessage", count=1)
    chat.tell(Kind.MEMBER_OFFLINE)
    chat.tell(Kind.MEMBER_OFFLINE, 2, "b")
    assert chat.texts() == []
    chat.send(40)
    (text,) = chat.texts()
    assert "@a" in text
    assert "@b" in text


@pytest.mark.data
def test_the_panel_has_one_row_which_is_new_again_when_it_changes(owner: Owner) -> None:
    owner.tell(Kind.BOT_FAILED, reason="401")
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.tell(Kind.POOL_CRITICAL)
    (rows,) = recent_incidents(owner.platform, owner.caller, 10)
    assert [row.kind for row in standing(rows)] == ["pool_critical", "member_offline"]
    assert unread_incidents(owner.platform, owner.caller) == 1
    owner.tell(Kind.BAN_WAVE, lost="@x", promoted_count=0)
    owner.tell(Kind.POOL_RECOVERED)
    (rows,) = recent_incidents(owner.platform, owner.caller, 10)
    assert [row.kind for row in standing(rows)] == ["ban_wave", "member_offline", "pool_recovered"]
    owner.tell(Kind.MEMBER_ONLINE)
    (rows,) = recent_incidents(owner.platform, owner.caller, 10)
    assert [row.kind for row in standing(rows)] == ["pool_recovered", "member_online", "ban_wave"]


def test_mails_of_one_incident_are_one_thread_and_the_last_tells_all(owner: Owner, mailbox: Mailbox) -> None:
    settings = {"smtp_url": SecretStr(mailbox.url), "smtp_from": "Flotilla <f@example.com>"}
    owner.platform = Platform(owner.platform.settings.model_copy(update=settings))
    create_destination(owner.platform, owner.caller, NewDestination("email", address="ana@example.com"))
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    owner.tell(Kind.POOL_CRITICAL)
    owner.send()
    owner.platform.database.dispose()
    first, second = mailbox.mails
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert all(words in second.get_content() for words in ("CRÍTICO", "está offline"))


def test_a_webhook_gets_each_event_once_with_its_incident(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url)
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.send()
    owner.tell(Kind.MEMBER_ONLINE)
    owner.send()
    events = [event for post in receiver.posts for event in json.loads(post.body)["events"]]
    assert [event["kind"] for event in events] == ["member_offline", "member_online"]
    assert {event["incident"] for event in events} == {events[0]["id"]}
