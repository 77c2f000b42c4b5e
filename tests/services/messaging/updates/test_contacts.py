"""Who becomes a lead and what is kept of them: contacts, blocks, names, written in batches and not too often."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from models import Bot, Lead, Start
from services.core.times import utc_now
from services.messaging.updates.contacts import Contacts, Meeting
from services.platform.platform import Platform
from tests.services.messaging.draining import consumers, handle_all, letters
from tools.servers.fleet import accept_all, add_bot, message

LONG_AGO = utc_now() - timedelta(days=3)
GROUP = {"id": -1009, "type": "supergroup", "title": "G"}
CHANNEL = {"id": -1005, "type": "channel", "title": "C"}


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot that echoes."""
    return add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35})


def person(number: int, **facts: Any) -> Any:
    known = {"first_name": "Ana", "last_name": "", "username": "", "language_code": "pt"}
    return SimpleNamespace(id=number, **{**known, **facts})


def in_group(update_id: int, sender: int, **changes: Any) -> dict[str, Any]:
    """A message of a group, from `sender`; a change to None takes a field away."""
    whole = message(update_id, sender, "oi")
    fields = {**whole["message"], "chat": GROUP, **changes}
    return {**whole, "message": {name: value for name, value in fields.items() if value is not None}}


def membership(update_id: int, user: int, status: str, chat: dict[str, Any] | None = None) -> dict[str, Any]:
    """The bot's membership in a chat changed, by the doing of `user`."""
    bot = {"id": 7001, "is_bot": True, "first_name": "Bot"}
    old: dict[str, Any] = {"status": "member", "user": bot}
    new: dict[str, Any] = {"status": status, "user": bot}
    if status == "kicked":
        new["until_date"] = 0
    sender = message(1, user, "")["message"]["from"]
    event = {"chat": chat or {"id": user, "type": "private"}, "from": sender, "date": 1}
    return {
        "update_id": update_id,
        "my_chat_member": event | {"old_chat_member": old, "new_chat_member": new},
    }


def with_sender(update_id: int, kind: str, user: int, **fields: Any) -> dict[str, Any]:
    """An update of a kind that is no message, from `user`."""
    sender = message(1, user, "")["message"]["from"]
    return {"update_id": update_id, kind: {"from": sender, **fields}}


def states(platform: Platform) -> dict[int, str]:
    """Telegram id -> state of the leads."""
    with platform.database.reading() as session:
        return {lead.telegram_id: lead.state for lead in session.scalars(select(Lead))}


def lead_of(platform: Platform, telegram_id: int) -> Lead:
    with platform.database.reading() as session:
        return session.scalars(select(Lead).where(Lead.telegram_id == telegram_id)).one()


@pytest.mark.data
def test_a_person_whose_id_no_column_holds_fails_alone(platform: Platform, bot: Bot) -> None:
    meetings = [Meeting(bot.id, update, person(number)) for update, number in enumerate((1, 2**70, 2))]
    first, second, third = Contacts(platform)._write(meetings)
    assert (first, third) == ("", "")
    assert isinstance(second, Exception)


def test_only_who_turns_to_the_bot_becomes_a_lead(platform: Platform, bot: Bot) -> None:
    newcomer = {"id": 41, "is_bot": False, "first_name": "New"}
    robot = {"id": 42, "is_bot": True, "first_name": "Bot"}
    admin = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    telegram = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
    poster = {"id": 136817688, "is_bot": True, "first_name": "Channel"}
    post = {**message(1, 43, "x")["message"], "chat": CHANNEL, "sender_chat": CHANNEL}
    mentions = [
        in_group(1, 1, **{"from": admin}, sender_chat=GROUP),
        in_group(2, 1, **{"from": telegram}, sender_chat=CHANNEL, is_automatic_forward=True),
        in_group(3, 1, **{"from": poster}, sender_chat=CHANNEL),
        in_group(4, 41, text=None, new_chat_members=[newcomer]),
        in_group(5, 1, **{"from": robot}),
        in_group(6, 44, text="/go@other_bot"),
        in_group(7, 45, text=None, left_chat_member=newcomer),
        {"update_id": 8, "channel_post": post},
        membership(9, 46, "member", GROUP),
        membership(10, 46, "kicked", GROUP),
        with_sender(11, "chat_join_request", 47, chat=GROUP, date=1, user_chat_id=47),
        {"update_id": 12, "business_message": message(1, 48, "oi")["message"] | {"business_connection_id": "b"}},
        membership(13, 49, "member"),
    ]  # fmt: skip
    tap = {"id": "1", "chat_instance": "1", "data": "quiet", "message": in_group(1, 3)["message"]}
    turning = [
        message(20, 1, "oi"),
        in_group(21, 2),
        with_sender(22, "callback_query", 3, **tap),
        with_sender(23, "inline_query", 4, id="1", query="", offset=""),
        with_sender(24, "purchased_paid_media", 5, paid_media_payload="x"),
        {"update_id": 25, "edited_message": message(1, 6, "oi")["message"] | {"edit_date": 2}},
    ]
    accept_all(platform, bot, [*mentions, *turning])
    handle_all(platform)
    assert letters(platform) == []
    assert states(platform) == dict.fromkeys(range(1, 7), "active")


@pytest.mark.data
def test_a_block_makes_the_unknown_known_and_writing_after_it_ends_it(platform: Platform, bot: Bot) -> None:
    worker = consumers(platform)  # one process, which remembers whom it has met

    def after(*updates: dict[str, Any]) -> dict[int, str]:
        accept_all(platform, bot, list(updates))
        handle_all(platform, worker)
        return states(platform)

    assert after(membership(1, 8, "kicked")) == {8: "blocked"}
    assert after(message(2, 9, "oi"), membership(3, 9, "kicked")) == {8: "blocked", 9: "blocked"}
    assert after(membership(4, 8, "member"), message(5, 9, "oi")) == {8: "active", 9: "active"}
    assert lead_of(platform, 8).first_name == "Ana"


@pytest.mark.data
def test_who_blocked_the_bot_stays_blocked_whatever_they_write_elsewhere(
    platform: Platform, bot: Bot
) -> None:
    """Telegram lets the bot write to nobody who has blocked it, however much they say in a group where it is."""
    worker = consumers(platform)  # one process, which remembers whom it has met
    inline = with_sender(4, "inline_query", 8, id="1", query="", offset="")
    business = message(1, 8, "oi")["message"] | {"business_connection_id": "b"}
    sold = with_sender(14, "purchased_paid_media", 8, paid_media_payload="x")

    def tap(number: int, **where: Any) -> dict[str, Any]:
        return with_sender(number, "callback_query", 8, id="1", chat_instance="1", data="quiet", **where)

    def after(*updates: dict[str, Any]) -> str:
        accept_all(platform, bot, list(updates))
        handle_all(platform, worker)
        return states(platform)[8]

    assert after(message(1, 8, "/start"), membership(2, 8, "kicked")) == "blocked"
    assert after(in_group(3, 8), inline, tap(5, message=in_group(1, 8)["message"])) == "blocked"
    assert after(in_group(6, 8, text="again"), tap(7, inline_message_id="i"), sold) == "blocked"
    assert after(tap(8, message=business)) == "blocked"
    assert after({"update_id": 9, "guest_message": message(1, 8, "hi")["message"]}) == "blocked"
    assert after(message(10, 8, "hi")) == "active"
    assert after(membership(11, 8, "kicked")) == "blocked"
    assert after(tap(12, message=message(1, 8, "hi")["message"])) == "active"
    assert letters(platform) == []


@pytest.mark.data
def test_a_deleted_account_that_writes_in_a_group_is_none(platform: Platform, bot: Bot) -> None:
    contacts, ana = Contacts(platform), person(8)
    contacts.record(Meeting(bot.id, 1, ana))
    with platform.database.transaction() as session:
        session.execute(update(Lead).values(state="deactivated"))
    contacts.record(Meeting(bot.id, 2, ana, "", privately=False))
    assert states(platform) == {8: "active"}


def test_names_changed_in_a_group_and_back_in_private_are_those_of_the_last(
    platform: Platform, bot: Bot
) -> None:
    contacts = Contacts(platform)
    for number, name in enumerate(("Ana", "Bia", "Ana", "Bia"), 1):
        contacts.record(Meeting(bot.id, number, person(8, first_name=name), privately=bool(number % 2)))
        assert lead_of(platform, 8).first_name == name


@pytest.mark.data
def test_a_group_makes_nobody_reachable_for_a_new_identity_of_the_bot(platform: Platform, bot: Bot) -> None:
    contacts, ana = Contacts(platform), person(8)
    contacts.record(Meeting(bot.id, 1, ana, ""))
    with platform.database.transaction() as session:
        session.execute(update(Bot).values(identity=2))
    contacts.record(Meeting(bot.id, 2, ana, identity=2, privately=False))
    assert lead_of(platform, 8).identity == 1
    contacts.record(Meeting(bot.id, 3, ana, identity=2))
    assert lead_of(platform, 8).identity == 2


@pytest.mark.data
def test_who_writes_in_a_group_and_in_private_at_once_is_reachable(platform: Platform, bot: Bot) -> None:
    contacts, ana = Contacts(platform), person(8)
    contacts.record(Meeting(bot.id, 1, ana, blocked=True))
    privately = Meeting(bot.id, 2, ana)
    assert contacts._write([privately, privately._replace(update_id=3, privately=False)]) == ["", ""]
    assert states(platform) == {8: "active"}


def test_known_people_are_renewed_at_once_with_a_new_name_and_otherwise_now_and_then(
    platform: Platform, bot: Bot
) -> None:
    contacts, forgetful = Contacts(platform), Contacts(platform, renewed=0.0)

    def seen(by: Contacts, user: Any) -> tuple[str, bool]:
        """What the row says after `user` wrote: the name, and whether the last interaction is a new one."""
        with platform.database.transaction() as session:
            session.execute(update(Lead).values(last_interaction=LONG_AGO))
        by.record(Meeting(bot.id, 1, user))
        lead = lead_of(platform, 5)
        return lead.first_name, lead.last_interaction > LONG_AGO

    assert seen(contacts, person(5)) == ("Ana", True)
    assert seen(contacts, person(5)) == ("Ana", False)
    assert seen(contacts, person(5, first_name="Bia")) == ("Bia", True)
    assert seen(contacts, person(5, first_name="Bia")) == ("Bia", False)
    assert [seen(forgetful, person(5)) for _ in range(2)] == [("Ana", True)] * 2


@pytest.mark.data
def test_names_and_payloads_with_characters_that_are_none_are_kept(platform: Platform, bot: Bot) -> None:
    odd = "A\0na\ud83d"
    names = {"first_name": odd, "last_name": odd, "username": odd, "language_code": "p\0t"}
    accept_all(platform, bot, [message(1, 5, "/start pro\0mo", **names), membership(2, 5, "kicked")])
    handle_all(platform)
    Contacts(platform).record(Meeting(bot.id, 3, person(6, **names)))
    assert letters(platform) == []
    assert lead_of(platform, 6).last_name == "A\ufffdna?"
    with platform.database.reading() as session:
        assert [start.start_param for start in session.scalars(select(Start))] == ["pro\ufffdmo"]
