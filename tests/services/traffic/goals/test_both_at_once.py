"""A goal and the click of its start, written at the same moment by two processes: neither misses the other."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models import Bot, Click, Goal, GoalSource, Lead
from services.core.times import utc_now
from services.platform.platform import Platform
from services.traffic.clicks.attribution import bind_starts
from services.traffic.clicks.flush import flush
from services.traffic.goals.recording import GoalReached, record_goals
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import User, click, payload_of, record_start, unstarted


@pytest.mark.data
@pytest.mark.parametrize("goal_first", [True, False])
def test_a_goal_and_its_click_meet_whichever_commits_first(platform: Platform, goal_first: bool) -> None:
    if platform.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: neither can miss the other")
    new_pool(platform, new_account(platform), "red1", 1)
    outcome, started = click(unstarted(platform)), utc_now()
    flush(platform)
    with platform.database.transaction() as session:
        bot = session.scalars(select(Bot)).one()
        record_start(session, bot=bot, update_id=1, user=User(), payload=payload_of(outcome), at=started)
        # As if the click had not been a row when the start came.
        session.execute(update(Click).values(lead_id=None, started_at=None))
        session.execute(update(Lead).values(last_click_id=None, first_click_id=None))
    is_written, may_commit = threading.Event(), threading.Event()

    def reach(holds: bool) -> None:
        with platform.database.transaction() as session:
            one = GoalReached(
                bot.account_id, "lead", "1", GoalSource.API, started + timedelta(seconds=1), bot.id, User.id
            )
            record_goals(session, [one])
            _hold(holds)

    def bind(holds: bool) -> None:
        with platform.database.transaction() as session:
            bind_starts(session, [str(outcome.click_id)])
            _hold(holds)

    def _hold(holds: bool) -> None:
        if holds:
            is_written.set()
            may_commit.wait(10)

    first, second = (reach, bind) if goal_first else (bind, reach)
    threads = [threading.Thread(target=first, args=(True,)), threading.Thread(target=second, args=(False,))]
    threads[0].start()
    assert is_written.wait(10)
    threads[1].start()
    threads[1].join(0.3)  # it waits for the lead's row
    assert threads[1].is_alive()
    may_commit.set()
    for thread in threads:
        thread.join(10)
    with platform.database.reading() as session:
        assert session.scalars(select(Goal)).one().click_id == outcome.click_id
