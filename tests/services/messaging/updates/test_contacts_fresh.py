"""A process that starts knows nobody: whom the rows tell of already costs it no write, whoever is news is written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from models import Bot, Lead, Start
from services.core.times import utc_now
from services.messaging.updates.contacts import RENEWED_SECONDS, Contacts, Meeting
from services.platform.platform import Platform
from services.queueing.process_pace import ProcessPace
from services.traffic.clicks.leads import last_met
from tests.services.messaging.draining import handle_all
from tests.services.messaging.updates.test_contacts import LONG_AGO, bot, lead_of, person
from tools.servers.fleet import accept_all, message

__all__ = ["bot"]  # a fixture
JUST_NOW = timedelta(minutes=2)


@contextmanager
def statements(platform: Platform) -> Iterator[list[str]]:
    """The first words of what this database is asked while the block runs, by readers and by writers."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement != "BEGIN DEFERRED":  # a reader's on SQLite; a writer's is IMMEDIATE, and is told
            seen.append(statement.split(maxsplit=1)[0])

    event.listen(platform.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(platform.database.engine, "before_cursor_execute", note)


def change(platform: Platform, telegram_id: int, **columns: Any) -> None:
    with platform.database.transaction() as session:
        session.execute(update(Lead).where(Lead.telegram_id == telegram_id).values(**columns))


def meet(platform: Platform, bot: Bot, *people: Any) -> None:
    """Another process has met these, a moment ago."""
    Contacts(platform)._write([Meeting(bot.id, number, user) for number, user in enumerate(people)])
    for user in people:
        change(platform, user.id, last_interaction=utc_now() - JUST_NOW)


def was_written(platform: Platform, bot: Bot, user: Any, **facts: Any) -> bool:
    """Whether a process that starts writes this person, seen by the time of the last interaction."""
    then = lead_of(platform, user.id).last_interaction
    Contacts(platform).record(Meeting(bot.id, 99, user, **facts))
    return lead_of(platform, user.id).last_interaction > then


@pytest.mark.data
def test_a_hundred_known_people_are_one_query_and_no_write(platform: Platform, bot: Bot) -> None:
    people = [person(number) for number in range(1, 101)]
    meet(platform, bot, *people)
    fresh = Contacts(platform)
    with statements(platform) as asked:
        assert fresh._write([Meeting(bot.id, user.id, user) for user in people]) == [""] * 100
    assert asked == ["SELECT"]
    with statements(platform) as asked:
        for user in people:
            assert fresh.record(Meeting(bot.id, 200, user)) == ""
    assert asked == []


@pytest.mark.data
def test_among_known_people_the_news_is_written_and_nothing_else(platform: Platform, bot: Bot) -> None:
    known, starter, blocker = person(1), person(2), person(3)
    meet(platform, bot, known, starter, blocker)
    then = lead_of(platform, 1).last_interaction
    meetings = [
        Meeting(bot.id, 10, known),
        Meeting(bot.id, 11, starter, "promo"),
        Meeting(bot.id, 12, blocker, blocked=True),
        Meeting(bot.id, 13, person(4)),
    ]
    assert Contacts(platform)._write(meetings) == ["", "promo", "", ""]
    assert lead_of(platform, 1).last_interaction == then
    assert lead_of(platform, 2).last_interaction > then
    assert lead_of(platform, 3).state == "blocked"
    assert lead_of(platform, 4).state == "active"
    with platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Start)) == 1


@pytest.mark.data
def test_a_row_that_tells_something_else_is_written(platform: Platform, bot: Bot) -> None:
    odd = person(5, first_name="A\0" + "n" * 80, username=None)
    meet(platform, bot, odd)
    assert not was_written(platform, bot, odd)  # compared as it is stored
    assert was_written(platform, bot, person(5, first_name="Bia"))
    change(platform, 5, last_interaction=LONG_AGO)
    assert was_written(platform, bot, person(5, first_name="Bia"))
    for columns in ({"state": "blocked"}, {"identity": 2}):
        meet(platform, bot, odd)
        change(platform, 5, **columns)
        assert was_written(platform, bot, odd)
        assert (lead_of(platform, 5).state, lead_of(platform, 5).identity) == ("active", 1)


@pytest.mark.data
def test_who_blocks_the_bot_and_writes_to_another_process_is_active_again(
    platform: Platform, bot: Bot
) -> None:
    user, first, second = person(5), Contacts(platform), Contacts(platform)
    for process in (first, second):
        process.record(Meeting(bot.id, 1, user))
    second.record(Meeting(bot.id, 2, user, blocked=True))
    second.record(Meeting(bot.id, 3, user))
    assert lead_of(platform, 5).state == "active"
    first.record(Meeting(bot.id, 4, user, blocked=True))
    Contacts(platform).record(Meeting(bot.id, 5, user))
    assert lead_of(platform, 5).state == "active"


@pytest.mark.data
def test_a_row_that_was_found_is_renewed_when_it_is_old_not_later(platform: Platform, bot: Bot) -> None:
    """Else a row could lie behind for twice as long, once in each of two processes."""
    meet(platform, bot, person(5))
    fresh = Contacts(platform)
    fresh.record(Meeting(bot.id, 1, person(5)))
    until = fresh._known[Meeting(bot.id, 1, person(5)).person].until
    assert until <= time.monotonic() + RENEWED_SECONDS - JUST_NOW.total_seconds()


def test_looking_people_up_costs_the_same_however_many_the_bots_have_met(
    platform: Platform,
) -> None:
    asked: list[Any] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    with platform.database.reading() as session:
        last_met(session, {(1, number): person(number) for number in range(50)}, LONG_AGO)
        statement, values = asked[-1]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [row[-1] for row in plan]
    assert not [step for step in steps if step.startswith(("SCAN leads", "SCAN named_leads", "SCAN bots"))]
    assert [step for step in steps if "SEARCH named_leads" in step and "bot_id=? AND telegram_id=?" in step]


def test_people_are_gathered_at_the_pace_of_their_process(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered: list[float] = []
    monkeypatch.setattr(ProcessPace, "gather", lambda _pace: gathered.append(time.monotonic()))
    accept_all(platform, bot, [message(1, 5, "hello")])
    handle_all(platform)
    assert len(gathered) == 1
    assert lead_of(platform, 5).telegram_id == 5
