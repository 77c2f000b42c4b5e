"""How long a flow rests when several have a say: colleagues, answers, and the flow itself."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from models import Bot, FlowRun, Timer
from plugins.flows.run import RunStatus
from services.messaging.inbox import answering, deciding
from services.messaging.inbox.conversations import get_conversation
from services.messaging.inbox.outgoing import keep_outgoing
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.inbox.test_inbox import (
    begin_flow,
    bot,
    keep,
    new_answer,
    only_talk,
    owner,
    run_of,
    sent,
    wrote,
)

__all__ = ["bot", "owner"]  # fixtures


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
    assert only_talk(platform).taken_over_until == run_of(platform).paused_until == until
    then = {"plugin": "support", "name": "delivered", "turn": "-100"}
    call = {"method": "copyMessage", "params": {"chat_id": 5, "from_chat_id": -100, "message_id": 3}}
    keep_outgoing(platform, [sent(bot, {**call, "then": then}, sent={"message_id": 9})])
    assert only_talk(platform).taken_over_until == run_of(platform).paused_until == until
    answering.answer(platform, owner, talk.id, new_answer(3, "form-0002", minutes=900))
    longer = only_talk(platform).taken_over_until
    assert longer is not None
    assert until is not None
    assert longer > until


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
    run = run_of(platform)
    assert (run.status, run.paused_until) == (RunStatus.PAUSED, None)
    with platform.database.reading() as session:
        assert session.scalars(select(Timer)).all() == []  # nothing brings it back by itself
