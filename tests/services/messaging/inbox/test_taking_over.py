"""A person's flow rests while people speak with them: by hand, by an answer, by an answer from a group."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import Bot, FlowRun, Timer
from plugins.flows.run import RunStatus
from services.core.errors import Conflict
from services.core.times import utc_now
from services.messaging.inbox import answering, deciding
from services.messaging.inbox.conversations import get_conversation
from services.messaging.inbox.fields import Assignment
from services.messaging.inbox.outgoing import keep_outgoing
from services.messaging.plugin_runtime.flow_runs import lock_runs
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.inbox.inbox_things import (
    begin_flow,
    keep,
    listed,
    new_answer,
    only_run,
    only_talk,
    sent,
    wrote,
)


@pytest.mark.data
def test_taking_over_rests_the_flow_and_only_the_present_state_can_be_given_away(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    keep(platform, wrote(bot, 1))
    talk, now = only_talk(platform), utc_now()
    begin_flow(platform, bot)
    deciding.take_over(platform, owner, talk.id, 10)
    run_now = only_run(platform)
    assert run_now.status == RunStatus.PAUSED
    assert run_now.paused_until is not None
    assert abs(run_now.paused_until - now - timedelta(minutes=10)) < timedelta(minutes=1)
    deciding.release(platform, owner, talk.id)
    assert only_talk(platform).taken_over_until is None
    deciding.assign(platform, owner, talk.id, Assignment(name="Rui", revision=1))
    with pytest.raises(Conflict):
        deciding.assign(platform, owner, talk.id, Assignment(name="Bia", revision=1))
    rui, nobody = listed(platform, owner, "Rui"), listed(platform, owner, "")
    assert (rui, nobody) == ([talk.id], [])


@pytest.mark.data
def test_an_answer_lengthens_a_takeover_and_never_shortens_it(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    keep(platform, wrote(bot, 1))
    begin_flow(platform, bot)
    talk = only_talk(platform)
    deciding.take_over(platform, owner, talk.id, 600)
    until = only_talk(platform).taken_over_until
    answering.answer(platform, owner, talk.id, new_answer(minutes=30))
    assert only_talk(platform).taken_over_until == only_run(platform).paused_until == until
    then = {"plugin": "support", "name": "delivered", "turn": "-100"}
    call = {"method": "copyMessage", "params": {"chat_id": 5, "from_chat_id": -100, "message_id": 3}}
    keep_outgoing(platform, [sent(bot, {**call, "then": then}, sent={"message_id": 9})])
    assert only_talk(platform).taken_over_until == only_run(platform).paused_until == until
    answering.answer(platform, owner, talk.id, new_answer(3, "form-0002", minutes=900))
    longer = only_talk(platform).taken_over_until
    assert longer is not None
    assert until is not None
    assert longer > until


@pytest.mark.data
def test_answers_from_a_group_and_handlers_take_people_in_one_order(platform: Platform, bot: Bot) -> None:
    """A handler's commit holds Ana and then wants Bia while both were answered from the group, Bia first."""
    begin_flow(platform, bot)
    with platform.database.transaction() as session:
        [ana] = session.scalars(select(FlowRun))
        place = {"flow_id": ana.flow_id, "version": 1, "step": "a", "status": RunStatus.WAITING}
        session.add(
            FlowRun(bot_id=bot.id, telegram_id=6, entered_at=utc_now(), started_at=utc_now(), **place)
        )
    then = {"plugin": "support", "name": "delivered", "turn": "-100"}
    answers = [
        sent(
            bot,
            {"method": "copyMessage", "params": {"chat_id": person, "from_chat_id": -100}, "then": then},
            sent={"message_id": 9},
        )
        for person in (6, 5)
    ]
    keep(platform, wrote(bot, 1))
    thread = threading.Thread(target=keep_outgoing, args=(platform, answers))
    with platform.database.transaction() as session:
        lock_runs(session, [(bot.id, 5)])
        thread.start()
        thread.join(0.5)
        lock_runs(session, [(bot.id, 6)])
    thread.join(20)
    with platform.database.reading() as session:
        assert set(session.scalars(select(FlowRun.status))) == {RunStatus.PAUSED}


@pytest.mark.data
def test_a_flow_that_handed_over_for_good_rests_after_an_answer_until_it_is_given_back(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    keep(platform, wrote(bot, 1))
    begin_flow(platform, bot)
    talk = only_talk(platform)
    assert get_conversation(platform, owner, talk.id)["flow_rests"] is False
    with platform.database.transaction() as session:
        session.execute(update(FlowRun).values(status=RunStatus.PAUSED, paused_until=None))
    assert get_conversation(platform, owner, talk.id)["flow_rests"] is True
    answering.answer(platform, owner, talk.id, new_answer(minutes=30))
    run = only_run(platform)
    assert (run.status, run.paused_until) == (RunStatus.PAUSED, None)
    with platform.database.reading() as session:
        assert session.scalars(select(Timer)).all() == []  # nothing brings it back by itself
