"""Clicks turned away over the limit are seen in every report, though none of them is a row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import Click, RefusedClicks
from services.core.times import hour_of, utc_now
from services.fleet.pools.pools import delete_pool
from services.platform.platform import Platform
from services.platform.redis import keys
from services.reporting.analytics.period import period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.report import By
from services.reporting.pool_status import pool_status
from services.traffic.clicks.flush import flush
from services.traffic.clicks.hourly_counts import KEPT
from services.traffic.clicks.redirect import Kind
from services.traffic.clicks.refused import fold_refused
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted
from tests.services.traffic.clicks.test_away import Outage

MACHINE = "Googlebot/2.1 (+http://www.google.com/bot.html)"


@pytest.mark.data
def test_refused_clicks_are_told_by_analytics_and_status_alike(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2, rate_limit_per_minute=3)
    roads = [unstarted(platform), unstarted(platform)]
    kinds = [click(roads[number % 2]).kind for number in range(16)]
    for _ in range(5):
        click(roads[0], HTTP_USER_AGENT=MACHINE)
    refused = kinds.count(Kind.LIMITED)
    assert refused >= 10  # the minute may end meanwhile, once
    for road in roads:
        road.recorder.take_up_again()
    for _ in range(2):
        flush(platform)
        fold_refused(platform)  # a second time, as after a kill, adds nothing
    with platform.database.reading() as session:
        assert len(session.scalars(select(Click).where(Click.counted)).all()) == 16 - refused
    now = utc_now()
    for by in (By.HOUR, By.DAY):
        found = pool_analytics(platform, owner, pool.id, period("", "", "", now), by)
        rows = found.as_json()["rows"]
        assert found.totals.refused == sum(row["refused"] for row in rows) == refused
        assert "refused" in found.columns
    assert pool_status(platform, owner, pool.id).refused_day == refused
    later = now + timedelta(days=1, hours=1)
    assert pool_status(platform, owner, pool.id, now=later).refused_day == 0


def test_refusals_while_redis_is_away_are_counted_when_it_is_back(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1, rate_limit_per_minute=1)
    road = unstarted(platform)
    with monkeypatch.context() as patch:
        Outage(patch, road.redis)
        refused = [click(road).kind for _ in range(8)].count(Kind.LIMITED)
        road.recorder.stop()
    assert refused >= 5
    road.recorder.take_up_again()
    flush(platform)
    assert pool_status(platform, owner, pool.id).refused_day == refused


def test_sums_of_deleted_pools_and_of_long_ago_leave_redis_and_nothing_else(platform: Platform) -> None:
    owner, born = new_account(platform), utc_now() - KEPT - timedelta(days=1)
    gone, stays = (new_pool(platform, owner, slug, 1, created_at=born) for slug in ("red1", "red2"))
    recent, old = (
        int(hour_of(moment).timestamp()) for moment in (utc_now(), utc_now() - KEPT - timedelta(hours=2))
    )
    for pool in (gone, stays):
        for hour in (recent, old):
            platform.redis.hincrby(keys.unstored_clicks("refused"), f"{pool.id}:{hour}", 4)
    delete_pool(platform, owner, gone.id)
    fold_refused(platform)
    assert sorted(platform.redis.hkeys(keys.unstored_clicks("refused"))) == sorted(
        f"{pool.id}:{recent}" for pool in (gone, stays)
    )
    with platform.database.reading() as session:
        rows = session.scalars(select(RefusedClicks)).all()
        assert [(row.pool_id, row.refused) for row in rows] == [(stays.id, 4)] * 2


def test_sums_of_before_the_pool_are_of_another_one_of_its_number(platform: Platform) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 1)
    now, before = (int(hour_of(moment).timestamp()) for moment in (utc_now(), utc_now() - timedelta(hours=2)))
    for hour in (now, before):
        platform.redis.hincrby(keys.unstored_clicks("refused"), f"{pool.id}:{hour}", 4)
    fold_refused(platform)
    with platform.database.reading() as session:
        assert [row.hour.timestamp() for row in session.scalars(select(RefusedClicks))] == [now]
