"""The inbox: what is kept, who waits, and answers that are sent once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import event, select, update
from telebot import types

from models import Bot, ChatMessage, Lead
from plugins.flows.run import RunStatus
from services.core.errors import Conflict, NotFound, Unavailable
from services.messaging.inbox import answering, deciding, history
from services.messaging.inbox.conversations import count_waiting, get_conversation, list_conversations
from services.messaging.inbox.outgoing import keep_outgoing
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.updates.contacts import Contacts, Meeting
from services.operations.personal_data.exporting import export_person
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account
from tests.services.messaging.inbox.inbox_things import (
    begin_flow,
    keep,
    new_answer,
    only_run,
    only_talk,
    outbox,
    sent,
    wrote,
)
from tools.servers.sandbox import wait_until

ANA = types.User(5, False, "Ana")


@pytest.mark.data
def test_messages_are_kept_once_sealed_and_somebody_waits_since_the_first(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    first = wrote(bot, 2)
    keep(platform, wrote(bot, 1, "/start"), first, wrote(bot, 3, "hello?"))
    keep(platform, first, wrote(bot, 4, "still there?"))
    talk = only_talk(platform)
    assert talk.unanswered_since == first.at
    shown = get_conversation(platform, owner, talk.id)
    assert [each["text"] for each in shown["messages"]] == ["/start", "help", "hello?", "still there?"]
    with platform.database.reading() as session:
        assert all("help" not in row for row in session.scalars(select(ChatMessage.sealed_text)))
    assert count_waiting(platform, owner) == 1
    handed = export_person(platform, owner, 5)
    assert [each["text"] for each in handed["messages"]][:2] == ["/start", "help"]
    with pytest.raises(NotFound):
        get_conversation(platform, new_account(platform), talk.id)


@pytest.mark.data
def test_a_repeated_update_does_not_open_again_what_was_answered(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    first = wrote(bot, 1)
    keep(platform, first)
    deciding.mark_done(platform, owner, only_talk(platform).id)
    keep(platform, first)
    assert only_talk(platform).unanswered_since is None
    keep(platform, wrote(bot, 2))
    assert only_talk(platform).unanswered_since is not None


@pytest.mark.data
def test_a_bot_that_keeps_none_any_more_keeps_none(platform: Platform, owner: Principal, bot: Bot) -> None:
    deciding.keep_messages(platform, owner, bot.id, False)
    keep(platform, wrote(bot, 1))
    with platform.database.reading() as session:
        assert session.scalars(select(ChatMessage)).all() == []


@pytest.mark.data
def test_a_batch_of_many_people_takes_three_queries(platform: Platform, bot: Bot) -> None:
    asked: list[str] = []
    event.listen(
        platform.database.engine,
        "before_cursor_execute",
        lambda _c, _cu, statement, *_: asked.append(statement.split()[0]),
    )
    keep(platform, *(wrote(bot, number, person=number) for number in range(1, 51)))
    assert [word for word in asked if word != "BEGIN"] == ["SELECT", "INSERT", "INSERT"]


@pytest.mark.data
def test_known_people_cost_no_more_than_their_message(platform: Platform, bot: Bot) -> None:
    contacts = Contacts(platform)
    contacts.record(Meeting(bot.id, 1, ANA))
    with platform.database.transaction() as session:
        session.execute(update(Lead).values(last_name="as it was"))
    contacts.record(Meeting(bot.id, 2, ANA, message=wrote(bot, 2)))
    with platform.database.reading() as session:
        assert session.scalars(select(Lead.last_name)).one() == "as it was"
        assert len(session.scalars(select(ChatMessage)).all()) == 1


@pytest.mark.data
def test_an_answer_is_sent_once_by_its_form_and_never_over_another_one(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    keep(platform, wrote(bot, 1))
    talk = only_talk(platform)
    made = answering.answer(platform, owner, talk.id, new_answer())
    again = answering.answer(platform, owner, talk.id, new_answer())
    assert (again.id, outbox(platform, bot)) == (made.id, 1)
    with pytest.raises(Conflict, match="another text"):
        answering.answer(platform, owner, talk.id, new_answer().model_copy(update={"text": "Something else"}))
    with pytest.raises(Conflict, match=r"@example\.org answered \d+ s ago") as refused:
        answering.answer(platform, owner, talk.id, new_answer(form_key="form-0002"))
    assert refused.value.code == "answered_meanwhile"
    assert outbox(platform, bot) == 1
    answered = only_talk(platform)
    assert (answered.unanswered_since, answered.revision) == (None, 2)
    answering.answer(platform, owner, talk.id, new_answer(2, "form-0003"))
    assert outbox(platform, bot) == 2


@pytest.mark.data
def test_of_two_who_answer_at_once_one_is_told(platform: Platform, owner: Principal, bot: Bot) -> None:
    keep(platform, wrote(bot, 1))
    talk, outcomes = only_talk(platform), []

    def act(form_key: str) -> None:
        try:
            answering.answer(platform, owner, talk.id, new_answer(form_key=form_key))
            outcomes.append("sent")
        except Conflict as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=act, args=(f"form-000{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["answered_meanwhile", "sent"]
    assert outbox(platform, bot) == 1


@pytest.mark.data
def test_an_answer_learns_what_became_of_it_and_a_refused_one_waits_again(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    keep(platform, wrote(bot, 1))
    talk = only_talk(platform)
    good = answering.answer(platform, owner, talk.id, new_answer())
    bad = answering.answer(platform, owner, talk.id, new_answer(2, "form-0002"))

    def outcome(message: ChatMessage, answer: dict[str, Any]) -> OutboxMessage:
        call = {"method": "sendMessage", "params": {"chat_id": 5, "text": "x"}, "then": {"inbox": message.id}}
        return sent(bot, call, answer=answer)

    refused = outcome(bad, {"ok": False, "description": "Forbidden: bot was blocked by the user"})
    keep_outgoing(platform, [outcome(good, {"ok": True, "result": {"message_id": 9}}), refused])
    keep_outgoing(platform, [refused])
    shown = get_conversation(platform, owner, talk.id)["messages"]
    assert [(each["status"], each["failure"]) for each in shown] == [
        ("", ""),
        ("sent", ""),
        ("failed", "Forbidden: bot was blocked by the user"),
    ]
    assert only_talk(platform).unanswered_since is not None


@pytest.mark.data
def test_what_the_bot_says_is_kept_and_is_no_answer_but_support_is_and_rests_the_flow(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    keep(platform, wrote(bot, 1))
    begin_flow(platform, bot)
    said = sent(
        bot, {"method": "sendPhoto", "params": {"chat_id": 5, "caption": "look"}}, sent={"message_id": 7}
    )
    group = sent(
        bot, {"method": "sendMessage", "params": {"chat_id": -5, "text": "x"}}, sent={"message_id": 8}
    )
    keep_outgoing(platform, [said, group])
    talk = only_talk(platform)
    assert talk.unanswered_since is not None
    told = get_conversation(platform, owner, talk.id)["messages"]
    assert [(each["kind"], each["text"], each["status"]) for each in told] == [
        ("text", "help", ""),
        ("photo", "look", "sent"),
    ]
    then = {"plugin": "support", "name": "delivered", "turn": "-100"}
    call = {"method": "copyMessage", "params": {"chat_id": 5, "from_chat_id": -100, "message_id": 3}}
    keep_outgoing(platform, [sent(bot, {**call, "then": then}, sent={"message_id": 9})])
    talk = only_talk(platform)
    assert (talk.unanswered_since, talk.answered_by) == (None, "telegram")
    assert only_run(platform).status == RunStatus.PAUSED


def test_what_was_sent_is_kept_when_the_database_is_back_though_its_shard_was_left(
    platform: Platform, owner: Principal, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(platform, wrote(bot, 1))
    away, settled = threading.Event(), list[OutboxMessage]()

    def unavailable(*given: Any) -> None:
        if not away.is_set():
            raise Unavailable("on order")
        keep_outgoing(*given)

    monkeypatch.setattr(history, "keep_outgoing", unavailable)
    call = {"method": "sendMessage", "params": {"chat_id": 5, "text": "said"}}
    kept = history.MessageHistory(platform, settled.append, lambda: False)
    answer = sent(bot, {**call, "then": {"inbox": 1}}, answer={"ok": True})
    assert kept.split([sent(bot, call, sent={"message_id": 7}), answer]) != []
    kept.drain(0.1)
    kept.end()
    away.set()
    talk = only_talk(platform)
    wait_until(lambda: len(get_conversation(platform, owner, talk.id)["messages"]) == 2)
    wait_until(lambda: settled)
    assert settled == [answer], "it leaves its outbox"


def test_more_than_memory_has_room_for_is_not_kept_but_no_answer_is_left_out(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    back, written = threading.Event(), list[OutboxMessage]()

    def waits(_: Platform, messages: Sequence[OutboxMessage]) -> None:
        back.wait(30)
        written.extend(messages)

    monkeypatch.setattr(history, "keep_outgoing", waits)
    monkeypatch.setattr(history, "MOST_WAITING", 3)
    call = {"method": "sendMessage", "params": {"chat_id": 5, "text": "said"}}
    kept = history.MessageHistory(platform, lambda _: None, lambda: True)
    kept.split([sent(bot, call, sent={"message_id": number}) for number in range(10)])
    answer = sent(bot, {**call, "then": {"inbox": 1}}, answer={"ok": True})
    kept.split([answer])
    back.set()
    kept.drain(30.0)
    kept.end()
    assert 3 <= len(written) - 1 < 10
    assert written[-1] is answer


@pytest.mark.data
def test_the_key_of_an_answer_to_somebody_else_is_refused(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    with platform.database.transaction() as session:
        session.add(Lead(account_id=owner.account_id, bot_id=bot.id, telegram_id=6))
    keep(platform, wrote(bot, 1), wrote(bot, 2, person=6))
    talks, _ = list_conversations(platform, owner)
    answering.answer(platform, owner, talks[0]["id"], new_answer())
    with pytest.raises(Conflict, match="somebody else"):
        answering.answer(platform, owner, talks[1]["id"], new_answer())
    assert outbox(platform, bot) == 1
    assert count_waiting(platform, owner) == 1
