"""A publication moves everybody who stands at a step that it removes, and tells the plugin of each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import Bot, Flow, FlowRun, RunStatus, Timer
from services.core.times import utc_now
from services.fleet.flows.moving import move_people
from services.platform.platform import Platform
from tools.servers.fleet import add_bot

NOW = utc_now()


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "flow_bot", "token": "7001:" + "A" * 35}, ())


@pytest.mark.data
def test_people_at_removed_steps_are_moved_or_ended_and_others_stay(platform: Platform, bot: Bot) -> None:
    before = NOW - timedelta(days=1)
    places = [
        ("old", "waiting"),
        ("old", "paused"),
        ("gone", "waiting"),
        ("kept", "waiting"),
        ("old", "ended"),
    ]
    with platform.database.transaction() as session:
        flows = [
            Flow(account_id=bot.account_id, key=key, name=key, draft={}, draft_by="test")
            for key in ("a", "b")
        ]
        session.add_all(flows)
        session.flush()
        for flow in flows:
            for number, (step, status) in enumerate(places, 10 * flow.id):
                session.add(
                    FlowRun(
                        bot_id=bot.id,
                        telegram_id=number,
                        flow_id=flow.id,
                        version=1,
                        step=step,
                        status=status,
                        entered_at=before,
                        started_at=before,
                    )
                )
        mine, others = [flow.id for flow in flows]
    for _ in range(2):  # whoever does it again changes nothing
        with platform.database.transaction() as session:
            counts = move_people(session, mine, 2, {"old": "new", "gone": None}, NOW)
    assert counts == {"old": 0, "gone": 0}
    with platform.database.reading() as session:
        runs = session.scalars(select(FlowRun).where(FlowRun.flow_id == mine).order_by(FlowRun.id)).all()
        assert [(run.step, run.status, run.version, run.revision, run.is_moved) for run in runs] == [
            ("new", RunStatus.WAITING, 2, 2, True),
            ("new", RunStatus.PAUSED, 2, 2, True),
            ("gone", RunStatus.ENDED, 2, 2, False),
            ("kept", RunStatus.WAITING, 1, 1, False),
            ("old", RunStatus.ENDED, 1, 1, False),
        ]
        [told] = session.scalars(select(Timer))
        assert (told.telegram_id, told.chat_id, told.key, told.note) == (
            runs[0].telegram_id,
            runs[0].telegram_id,
            "moved",
            {"step": "new"},
        )
        assert (told.due_at, told.address) == (NOW, {})
        untouched = session.scalars(select(FlowRun.revision).where(FlowRun.flow_id == others))
        assert set(untouched) == {1}
