"""Outcomes applied to rows, also by several at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from models import Notification, PoolBot, PoolBotTransition, RedirectPool
from services.core.i18n import Text
from services.core.times import utc_now
from services.fleet.health.breaker import Cause, CheckOutcome, Health
from services.fleet.health.members import apply_outcomes
from services.platform.platform import Platform
from tests.services.fleet.health.world import add_account, add_bot, add_member, add_pool, count_of, moment

DEAD = CheckOutcome(Health.DEAD, Cause.UNAUTHORIZED, ms=12, detail=Text("Unauthorized"))
GOOD = CheckOutcome(Health.GOOD, ms=7)


@pytest.mark.data
def test_checks_that_end_at_the_same_time_count_once(platform: Platform) -> None:
    with platform.database.transaction() as session:
        account = add_account(session)
        bots = [add_bot(session, account, number) for number in range(1, 6)]
        for _ in range(2):
            add_pool(session, account, bots)
        outcomes = {bot.id: DEAD for bot in bots}
    now = utc_now()

    def apply(number: int) -> int:
        mine = dict(sorted(outcomes.items(), reverse=bool(number % 2)))
        with platform.database.transaction() as session:
            return len(apply_outcomes(session, mine, now).changes)

    with ThreadPoolExecutor(6) as executor:
        changes = list(executor.map(apply, range(6)))
    assert sorted(changes) == [0, 0, 0, 0, 0, 10]
    assert count_of(platform, PoolBotTransition) == 10
    with platform.database.reading() as session:
        assert {len(member.last_failures) for member in session.scalars(select(PoolBot))} == {1}


@pytest.mark.data
def test_the_last_ten_failures_are_kept_with_their_causes(platform: Platform) -> None:
    with platform.database.transaction() as session:
        bot_id = add_member(session).bot_id
    for hour in range(12):
        with platform.database.transaction() as session:
            apply_outcomes(session, {bot_id: DEAD}, moment(3600 * hour))
    with platform.database.reading() as session:
        member = session.scalars(select(PoolBot)).one()
    assert len(member.last_failures) == 10
    assert member.last_failures[0] == {
        "at": "2026-11-01T11:00:00.000Z",
        "cause": "unauthorized",
        "detail": Text("Unauthorized"),
    }
    assert (member.check_ms, member.last_health_check) == (12, moment(11 * 3600))


@pytest.mark.data
def test_a_hold_of_states_lets_good_checks_through(platform: Platform) -> None:
    with platform.database.transaction() as session:
        account = add_account(session)
        bots = [add_bot(session, account, number) for number in (1, 2)]
        add_pool(session, account, bots, status="checking")
        applied = apply_outcomes(session, {bots[0].id: DEAD, bots[1].id: GOOD}, moment(0), hold=True)
        assert [(change.member.bot_id, str(change.after)) for change in applied.changes] == [
            (bots[1].id, "online")
        ]
    assert count_of(platform, Notification) == 0


def test_health_leaves_the_pools_last_edit_alone(platform: Platform) -> None:
    with platform.database.transaction() as session:
        member = add_member(session)
        edited = member.pool.updated_at
        apply_outcomes(session, {member.bot_id: DEAD}, moment(0))
    with platform.database.reading() as session:
        pool = session.scalars(select(RedirectPool)).one()
        assert (pool.health, pool.total_bots, pool.updated_at) == (0, 1, edited)


@pytest.mark.data
def test_a_sweep_and_a_flush_of_clicks_do_not_block_each_other_for_good(platform: Platform) -> None:
    with platform.database.transaction() as session:
        member = add_member(session)
    flushing, sweeping = threading.Event(), threading.Event()

    def flush() -> None:
        with platform.database.transaction() as session:
            pool = session.get_one(RedirectPool, member.pool_id)
            pool.total_redirects += 1
            session.flush()
            flushing.set()
            assert sweeping.wait(60)
            session.get_one(PoolBot, member.id).total_redirects += 1

    def sweep() -> None:
        assert flushing.wait(60)
        sweeping.set()
        with platform.database.transaction() as session:
            apply_outcomes(session, {member.bot_id: DEAD}, utc_now())

    with ThreadPoolExecutor(2) as executor:
        for done in [executor.submit(flush), executor.submit(sweep)]:
            done.result(timeout=60)
    with platform.database.reading() as session:
        row = session.get_one(PoolBot, member.id)
        assert (row.status, row.total_redirects) == ("degraded", 1)
