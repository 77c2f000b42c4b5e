"""What becomes of a message that Telegram refuses: only our own faults stay behind as dead letters."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, DeadLetter, Lead, Notification
from plugins.effects import Priority
from services.core.errors import Unavailable
from services.core.metrics import SENDS
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.unformatted import warn_owner
from services.platform.platform import Platform
from tests.services.messaging.draining import QUICK_SENDING
from tools.servers.sandbox import Sandbox

OUTBOX = "services.messaging.outbox"
Refuse = Callable[..., tuple[dict[str, float], list[str], str]]


@pytest.fixture
def refused(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    send_all: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> Refuse:
    """Have one call to the first person refused so: how it was counted, errors of letters, state of the lead."""
    with platform.database.transaction() as session:
        session.add(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=people[0]))

    def refuse(status: int, description: str, **params: Any) -> tuple[dict[str, float], list[str], str]:
        sandbox.fault("status", status=status, description=description, method="sendMessage", count=1)
        before = {outcome: SENDS.labels(outcome)._value.get() for outcome in ("done", "refused", "dead")}
        call = {"chat_id": people[0], "text": "x", **params}
        with caplog.at_level(logging.WARNING, logger=OUTBOX):
            enqueue_call(platform, bot.id, "sendMessage", call, Priority.REPLY)
            send_all()
        with platform.database.reading() as session:
            errors = list(session.scalars(select(DeadLetter.error)))
            state = session.scalars(select(Lead.state)).one()
        counted = {outcome: SENDS.labels(outcome)._value.get() - number for outcome, number in before.items()}
        return {outcome: number for outcome, number in counted.items() if number}, errors, state

    return refuse


@pytest.mark.parametrize(
    ("status", "description", "counted", "state"),
    [
        (400, "Bad Request: message to edit not found", "done", "active"),
        (400, "Bad Request: query is too old and response timeout expired", "done", "active"),
        (400, "Bad Request: TOPIC_CLOSED", "refused", "active"),
        (400, "Bad Request: chat not found", "refused", "active"),
        (403, "Forbidden: bot was kicked from the group chat", "refused", "active"),
        (403, "Forbidden: bot was blocked by the user", "refused", "blocked"),
        (403, "Forbidden: user is deactivated", "refused", "deactivated"),
    ],
)
def test_what_is_not_our_fault_leaves_no_letter_and_no_warning(
    refused: Refuse,
    caplog: pytest.LogCaptureFixture,
    status: int,
    description: str,
    counted: str,
    state: str,
) -> None:
    assert refused(status, description) == ({counted: 1}, [], state)
    assert [record for record in caplog.records if record.name.startswith(OUTBOX)] == []


def test_our_own_fault_is_a_dead_letter(refused: Refuse) -> None:
    counted, [error], state = refused(400, "Bad Request: BUTTON_DATA_INVALID")
    assert (counted, state) == ({"dead": 1}, "active")
    assert "BUTTON_DATA_INVALID" in error


def test_somebody_who_blocks_a_business_account_has_not_blocked_its_bot(refused: Refuse) -> None:
    blocked = refused(403, "Forbidden: bot was blocked by the user", business_connection_id="b1")
    assert blocked == ({"refused": 1}, [], "active")


def test_messages_that_are_gone_are_no_dead_letters(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], send_all: Callable[[], None]
) -> None:
    gone = {"chat_id": people[0], "message_id": 999_999}
    enqueue_call(platform, bot.id, "deleteMessage", gone, Priority.REPLY)
    enqueue_call(platform, bot.id, "editMessageText", {**gone, "text": "x"}, Priority.REPLY)
    enqueue_call(platform, bot.id, "sendMessage", {"chat_id": -100999, "text": "x"}, Priority.REPLY)
    send_all()
    assert sandbox.calls("deleteMessage") == sandbox.calls("editMessageText") == 1
    with platform.database.reading() as session:
        assert session.scalars(select(DeadLetter)).all() == []


def test_a_text_whose_formatting_telegram_cannot_read_goes_out_plain_and_its_owner_hears_of_it_once_a_day(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], send_all: Callable[[], None]
) -> None:
    for person, name in ((people[0], "Ana"), (people[1], "Bernardo")):
        call = {"chat_id": person, "text": f"{name} &amp; <b>co <p>", "parse_mode": "HTML"}
        enqueue_call(platform, bot.id, "sendMessage", call, Priority.REPLY)
    enqueue_call(
        platform, bot.id, "sendMessage", {"chat_id": people[2], "text": "<i>x", "parse_mode": "html"}
    )
    send_all()
    said = sorted(each["text"] for each in sandbox.sent(bot.username, "sendMessage"))
    assert said == ["Ana & co <p>", "Bernardo & co <p>", "x"]
    with platform.database.reading() as session:
        assert session.scalars(select(DeadLetter)).all() == []
        told = session.scalars(select(Notification).order_by(Notification.id)).all()
    assert [(each.kind, each.bot_id, each.params["bot"]) for each in told] == [
        ("text_malformed", bot.id, bot.username)
    ] * 2
    assert {each.params["reason"].partition(" at ")[0] for each in told} == {
        'Bad Request: can\'t parse entities: Unsupported start tag "p"',
        "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"i\"",
    }


def test_the_warning_waits_for_the_database_and_the_message_with_it(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    send_all: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def away_once(*args: Any) -> None:
        asked.append(1)
        if len(asked) == 1:
            raise Unavailable("on order")
        warn_owner(*args)

    monkeypatch.setattr("services.messaging.outbox.sending.warn_owner", away_once)
    call = {"chat_id": people[0], "text": "<b>Oi", "parse_mode": "HTML"}
    enqueue_call(platform, bot.id, "sendMessage", call, Priority.REPLY)
    send_all(replace(QUICK_SENDING, database_pause=0.05))
    assert [each["text"] for each in sandbox.sent(bot.username, "sendMessage")] == ["Oi"]
    with platform.database.reading() as session:
        assert len(session.scalars(select(Notification)).all()) == 1


def test_what_is_refused_plain_as_well_is_a_dead_letter(refused: Refuse) -> None:
    words = "Bad Request: can't parse entities: whatever"
    counted, [error], _ = refused(400, words, text="", parse_mode="HTML")
    assert counted == {"dead": 1}
    assert "text is empty" in error
