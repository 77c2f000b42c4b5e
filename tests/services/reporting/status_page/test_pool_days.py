"""Uptime of pools by day: the union of their members', of time in which somebody looked, and never counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from models import CheckGap, PoolBot, PoolBotTransition, PoolDay, RedirectPool
from services.fleet.health.pool_uptime import merged, without
from services.fleet.health.uptime import Window
from services.platform.platform import Platform
from services.reporting.status_page.pool_days import count_pool_days
from tests.services.fleet.health.world import pool_in_tables

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
BEGAN = MIDNIGHT - 12 * HOUR


def at(hour: float) -> datetime:
    return MIDNIGHT + hour * HOUR


@pytest.fixture
def pool(platform: Platform) -> list[int]:
    """A pool with two members, watched since noon of the day before; their ids."""
    pool_in_tables(platform, 2)
    with platform.database.transaction() as session:
        session.execute(update(RedirectPool).values(created_at=BEGAN))
        session.execute(update(PoolBot).values(added_at=BEGAN, status="online", last_health_check=NOW))
        return list(session.scalars(select(PoolBot.id).order_by(PoolBot.id)))


def move(platform: Platform, member: int, *moves: tuple[datetime, str, str]) -> None:
    with platform.database.transaction() as session:
        session.add_all(
            PoolBotTransition(pool_bot_id=member, at=when, from_status=before, to_status=after)
            for when, before, after in moves
        )
        session.execute(update(PoolBot).where(PoolBot.id == member).values(status=moves[-1][2]))


def days(platform: Platform) -> list[tuple[datetime, float, float]]:
    """Day, hours up, hours watched."""
    with platform.database.reading() as session:
        rows = session.scalars(select(PoolDay).order_by(PoolDay.day))
        return [(row.day, row.up_seconds / 3600, row.watched_seconds / 3600) for row in rows]


@pytest.mark.data
def test_a_pool_is_down_only_while_all_its_bots_are(platform: Platform, pool: list[int]) -> None:
    move(platform, pool[0], (at(1), "online", "offline"), (at(5), "offline", "online"))
    move(platform, pool[1], (at(3), "online", "banned"))
    assert count_pool_days(platform, now=NOW) == 1
    assert days(platform) == [(MIDNIGHT - 24 * HOUR, 12, 12), (MIDNIGHT, 10, 12)]


def test_counting_again_adds_only_what_is_new(platform: Platform, pool: list[int]) -> None:
    assert pool
    count_pool_days(platform, now=at(2))
    before = days(platform)
    count_pool_days(platform, now=at(2))
    assert days(platform) == before
    count_pool_days(platform, now=NOW)
    assert days(platform)[-1] == (MIDNIGHT, 12, 12)


def test_what_a_removed_bot_did_stays_counted(platform: Platform, pool: list[int]) -> None:
    move(platform, pool[0], (at(1), "online", "offline"))
    move(platform, pool[1], (at(1), "online", "offline"))
    count_pool_days(platform, now=at(4))
    with platform.database.transaction() as session:
        session.execute(delete(PoolBot))
    count_pool_days(platform, now=NOW)
    assert days(platform)[-1] == (MIDNIGHT, 1, 4)


def test_time_in_which_nobody_looked_is_not_watched(platform: Platform, pool: list[int]) -> None:
    with platform.database.transaction() as session:
        session.add_all(CheckGap(pool_bot_id=member, began_at=at(2), ended_at=at(6)) for member in pool)
        session.execute(update(PoolBot).values(last_health_check=at(10)))  # silent since
    count_pool_days(platform, now=NOW)
    assert days(platform)[-1] == (MIDNIGHT, 6, 6)


def test_old_days_go(platform: Platform, pool: list[int]) -> None:
    assert pool
    with platform.database.transaction() as session:
        pool_id = session.scalars(select(RedirectPool.id)).one()
        old = MIDNIGHT - timedelta(days=101)
        session.add(PoolDay(pool_id=pool_id, day=old, counted_until=old + 24 * HOUR))
        session.add(PoolDay(pool_id=pool_id, day=MIDNIGHT, counted_until=at(11)))
    count_pool_days(platform, now=NOW)
    assert days(platform) == [(MIDNIGHT, 1, 1)]


def test_spans_are_joined_and_cut() -> None:
    def span(begin: int, end: int) -> Window:
        return Window(at(begin), at(end))

    assert merged([span(3, 5), span(1, 2), span(2, 4)]) == [span(1, 5)]
    assert merged([span(1, 9), span(2, 3)]) == [span(1, 9)]
    assert without(span(0, 10), [span(4, 6), span(5, 7), span(9, 12)]) == [span(0, 4), span(7, 9)]
    assert without(span(0, 10), [span(0, 10)]) == []
