"""People in flows on the real database: exactly once, moved by publications, taken over and put at steps by others."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, Flow, FlowRun, FlowVisit, Lead
from services.alerts.notifications.notify import recent
from services.core.times import utc_now
from services.messaging.flows.people import pause_run, release_run, start_flow
from services.messaging.inbox import deciding
from services.messaging.inbox.conversations import get_conversation, list_conversations
from services.messaging.inbox.handed_over import note_handed_over
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.timers.ringing import ring_due
from services.messaging.updates import plugin_writes
from services.messaging.updates.contacts import Contacts
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import QUICK, handle_all, letters
from tests.services.messaging.flows.conftest import Publish
from tools.servers.fleet import accept_all, add_bot, message, stream


def step(key: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"key": key, "messages": [{"text": text or key}], **more}


ASK = step("ask", replies=[{"step": "thanks", "save": "name"}], follow_ups=[{"after": 60, "step": "nudge"}])
STEPS = (ASK, step("thanks", "Thanks {name}"), step("nudge"))


def write(platform: Platform, bot: Bot, *texts: str, person: int = 5, first: int = 1) -> None:
    updates = [message(number, person, text, first_name="Ana") for number, text in enumerate(texts, first)]
    accept_all(platform, bot, updates)
    handle_all(platform)


def later(platform: Platform, span: timedelta = timedelta(minutes=1)) -> int:
    rung = ring_due(platform, clock=lambda: utc_now() + span)
    handle_all(platform)
    return rung


def run_of(platform: Platform, bot: Bot, person: int = 5) -> FlowRun:
    with platform.database.reading() as session:
        query = select(FlowRun).where(FlowRun.bot_id == bot.id, FlowRun.telegram_id == person)
        return session.scalars(query).one()


def sent(platform: Platform, bot: Bot) -> list[str]:
    """What waits in the bot's outboxes, replies first."""
    calls = [
        json.loads(fields["call"])
        for priority in ("reply", "bulk")
        for _, fields in stream(platform, keys.outbox(bot.id, priority))
    ]
    return [call["params"].get("text", "") for call in calls]


def keyboard(platform: Platform, bot: Bot) -> str:
    """What the first button of the first message carries."""
    call = json.loads(stream(platform, keys.outbox(bot.id, "reply"))[0][1]["call"])
    data: str = call["params"]["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    return data


def tap(platform: Platform, bot: Bot, data: str, *, person: int = 5, number: int = 2) -> None:
    person_of = {"id": person, "is_bot": False, "first_name": "Ana"}
    shown = {"message_id": number, "date": 1, "chat": {"id": person, "type": "private"}, "text": "hi"}
    query = {"id": str(number), "from": person_of, "message": shown, "chat_instance": "1", "data": data}
    for key in platform.redis.scan_iter(keys.cooldown(bot.id, "*", "*")):
        platform.redis.delete(key)
    accept_all(platform, bot, [{"update_id": number, "callback_query": query}])
    handle_all(platform)


@pytest.mark.data
def test_a_person_is_asked_answers_and_stands_where_the_answer_leads(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    publish(*STEPS)
    write(platform, bot, "/start", "Bia")
    run = run_of(platform, bot)
    assert (run.step, run.status, run.version, run.variables) == ("thanks", "waiting", 1, {"name": "Bia"})
    assert sent(platform, bot) == ["ask", "Thanks Bia"]
    assert (later(platform, timedelta(days=1)), letters(platform)) == (0, [])
    with platform.database.reading() as session:
        visits = session.scalars(select(FlowVisit).order_by(FlowVisit.step)).all()
    assert [(visit.step, visit.times) for visit in visits] == [("ask", 1), ("thanks", 1)]


@pytest.mark.data
def test_a_follow_up_is_sent_once_and_a_bot_that_slept_for_days_sends_it_when_it_is_back(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    publish(*STEPS)
    write(platform, bot, "/start")
    assert (later(platform, timedelta(days=5)), later(platform, timedelta(days=6))) == (1, 0)
    assert sent(platform, bot) == ["ask", "nudge"]
    assert run_of(platform, bot).step == "nudge"
    write(platform, bot, "/start", first=2)
    with platform.database.reading() as session:
        visits = {visit.step: visit.times for visit in session.scalars(select(FlowVisit))}
    assert visits == {"ask": 2, "nudge": 1}


@pytest.mark.data
def test_a_publication_moves_people_who_enter_their_step_and_nobody_else(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    publish(*STEPS)
    write(platform, bot, "/start")
    write(platform, bot, "/start", "Caio", person=6, first=10)
    publish(step("hello"), step("thanks"), moves={"ask": "hello", "nudge": None})
    assert run_of(platform, bot).is_moved
    assert later(platform) == 2  # the move, and a follow-up that came to nothing
    assert (run_of(platform, bot).step, run_of(platform, bot, 6).step) == ("hello", "thanks")
    assert sent(platform, bot) == ["ask", "ask", "Thanks Caio", "hello"]


@pytest.mark.data
def test_a_publication_in_the_middle_of_a_handler_has_it_run_again(
    platform: Platform, bot: Bot, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler has read the former version and enters a step that is gone when it is written."""
    publish(*STEPS)
    write(platform, bot, "/start")
    hold = plugin_writes._hold
    done: list[int] = []

    def late(session: Any, commits: Any) -> Any:
        if not done:
            done.append(0)
            thread = threading.Thread(
                target=lambda: done.append(publish(step("ask"), moves={"thanks": "ask"}))
            )
            if platform.database.is_sqlite:  # one writer at a time: it comes before
                session.rollback()
            thread.start()
            thread.join(20)
        return hold(session, commits)

    monkeypatch.setattr(plugin_writes, "_hold", late)
    write(platform, bot, "Bia", first=2)
    assert done == [0, 2]
    run = run_of(platform, bot)
    assert (run.step, run.version) == ("ask", 1)
    assert letters(platform) == []


def test_the_same_update_read_again_after_a_crash_moves_nobody_twice(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    publish(*STEPS)

    def handle() -> Any:
        processor = UpdateProcessor(platform, PluginCache(platform), Contacts(platform), QUICK)
        update = json.dumps(message(1, 5, "/start"))
        return processor.handle(QueuedUpdate("1-0", bot.id, "5", "request", update))

    assert handle() == handle()
    assert run_of(platform, bot).revision == 1


@pytest.mark.data
def test_people_take_over_for_a_while_or_until_they_leave_the_person_to_the_flow(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    publish(*STEPS)
    with platform.database.transaction() as session:
        assert not pause_run(session, bot.id, 5, None)
    write(platform, bot, "/start")
    until = utc_now() + timedelta(minutes=5)
    with platform.database.transaction() as session:
        assert pause_run(session, bot.id, 5, until)
    write(platform, bot, "are you there?", first=2)
    assert later(platform) == 1  # the follow-up, which comes to nothing
    run = run_of(platform, bot)
    assert (run.step, run.status, run.paused_until) == ("ask", "paused", until)
    assert later(platform, timedelta(minutes=6)) == 1
    assert run_of(platform, bot).status == "waiting"
    with platform.database.transaction() as session:
        assert not release_run(session, bot.id, 5)
        assert pause_run(session, bot.id, 5, None)
        assert release_run(session, bot.id, 5)
    later(platform, timedelta(0))
    assert run_of(platform, bot).status == "waiting"
    assert later(platform, timedelta(minutes=2)) == 1  # its follow-up began anew
    assert sent(platform, bot) == ["ask", "nudge"]


def test_an_operator_who_took_over_before_the_step_did_leaves_its_handing_over_to_come(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    publish(step("help", after=60, then={"kind": "handover", "minutes": 10, "step": "back"}), step("back"))
    write(platform, bot, "/start")

    def take_over_and_release() -> str:
        with platform.database.transaction() as session:
            assert pause_run(session, bot.id, 5, None)
            assert release_run(session, bot.id, 5)
        later(platform, timedelta(0))
        return run_of(platform, bot).step

    assert take_over_and_release() == "help"
    later(platform, timedelta(seconds=90))
    assert run_of(platform, bot).status == "paused"  # by the step
    assert take_over_and_release() == "back"
    assert sent(platform, bot) == ["help", "back"]


@pytest.mark.data
def test_whoever_is_handed_over_waits_in_the_inbox_until_they_are_given_back(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    """The bot keeps no messages, and the step names no minutes: without the inbox they would rest for ever."""
    publish(step("help", then={"kind": "handover", "step": "back"}), step("back"))
    owner = Principal(bot.account_id, "test")
    write(platform, bot, "/start")
    [waiting], _ = list_conversations(platform, owner)
    assert (waiting["telegram_id"], waiting["flow_rests"], waiting["taken_over_until"]) == (5, True, None)
    [told] = recent(platform, owner)
    assert (told.kind, told.bot_id, told.params["person"]) == ("person_waits", bot.id, "Ana")
    write(platform, bot, "/start", first=2)
    [again], _ = list_conversations(platform, owner)
    assert (again["id"], again["unanswered_since"]) == (waiting["id"], waiting["unanswered_since"])
    deciding.release(platform, owner, waiting["id"])
    later(platform, timedelta(0))
    assert (run_of(platform, bot).step, sent(platform, bot)) == ("back", ["help", "help", "back"])
    assert not get_conversation(platform, owner, waiting["id"])["flow_rests"]


def test_a_tap_of_somebody_who_is_in_no_flow_begins_none_while_people_speak_with_them(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    more = {"kind": "step", "text": "More", "step": "offer"}
    publish(
        {"key": "hi", "messages": [{"text": "hi", "buttons": [[more]]}], "then": {"kind": "end"}},
        step("offer"),
    )
    write(platform, bot, "/start")
    data = keyboard(platform, bot)
    with platform.database.transaction() as session:
        note_handed_over(session, [(bot.id, 5)])
    [talk], _ = list_conversations(platform, Principal(bot.account_id, "test"))
    deciding.take_over(platform, Principal(bot.account_id, "test"), talk["id"], 5)
    tap(platform, bot, data)
    assert (run_of(platform, bot).status, sent(platform, bot)) == ("ended", ["hi"])
    deciding.release(platform, Principal(bot.account_id, "test"), talk["id"])
    tap(platform, bot, data, number=3)
    assert (run_of(platform, bot).step, sent(platform, bot)) == ("offer", ["hi", "offer"])


def test_people_are_put_at_a_step_once(platform: Platform, bot: Bot, publish: Publish) -> None:
    publish(*STEPS)
    for _ in range(2):
        with platform.database.transaction() as session:
            assert start_flow(session, [(bot.id, 5), (bot.id, 6), (bot.id, 5)], "main", "nudge") == 2
    assert (later(platform, timedelta(0)), later(platform)) == (2, 0)
    assert sent(platform, bot) == ["nudge", "nudge"]
    assert run_of(platform, bot, 6).step == "nudge"
    with pytest.raises(ValueError, match="at most"), platform.database.transaction() as session:
        start_flow(session, [(bot.id, person) for person in range(1001)], "main")


def test_tags_are_put_on_and_taken_off_with_the_update(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    tagging = [{"kind": "tag", "tag": "a"}, {"kind": "tag", "tag": "b"}, {"kind": "untag", "tag": "a"}]
    publish({"key": "s", "actions": tagging, "messages": [{"text": "s"}]})
    write(platform, bot, "/start")
    with platform.database.reading() as session:
        assert session.scalars(select(Lead.tags)).one() == ["b"]


def test_one_tag_too_many_is_left_out_and_keeps_nobody_from_going_on(
    platform: Platform, bot: Bot, publish: Publish
) -> None:
    """One event that would put 60 tags on somebody: at most 20 by each of three steps."""
    steps = [
        {
            "key": f"s{n}",
            "actions": [{"kind": "tag", "tag": f"t{n}-{tag}"} for tag in range(20)],
            "messages": [{"text": f"s{n}"}],
        }
        for n in range(3)
    ]
    ways = [{**each, "then": {"kind": "goto", "step": f"s{n}"}} for n, each in enumerate(steps[:2], 1)]
    publish(*ways, steps[2])
    for first in (1, 2):
        write(platform, bot, "/start", first=first)
        with platform.database.reading() as session:
            assert len(session.scalars(select(Lead.tags)).one()) == 50
        assert sent(platform, bot) == ["s0", "s1", "s2"] * first
    assert letters(platform) == []


def test_a_flow_of_another_account_is_none(platform: Platform, bot: Bot, publish: Publish) -> None:
    publish(*STEPS)
    other = add_bot(
        platform,
        {"id": 7002, "username": "other_bot", "token": "7002:" + "A" * 35},
        (("flow", {"flow": "main"}),),
    )
    write(platform, other, "/start")
    assert sent(platform, other) == []
    with platform.database.reading() as session:
        assert session.scalars(select(Flow.account_id)).all() == [bot.account_id]
        assert session.scalars(select(FlowRun)).all() == []
