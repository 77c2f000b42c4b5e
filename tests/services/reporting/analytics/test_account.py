"""The report over all pools: equal to the rows and to the pools' own reports in every segment, and against the time before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import event, select

from models import Click, ClickRollup
from services.core.errors import NotFound
from services.core.times import hour_of, utc_now
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.account import account_analytics
from services.reporting.analytics.account_report import AccountAnalytics, AccountBy
from services.reporting.analytics.period import Period, period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.report import By
from services.reporting.analytics.segment import Segment
from services.traffic.clicks.flush import flush
from services.traffic.clicks.source import ad_of, campaign_of
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted

# What advertisers write: capitals, the signs that join a path, none at all.
SOURCES, CAMPAIGNS, ADS = ("fb", "google", ""), ("Black", "black", "50% off/now", ""), ("A/b", "A")
VALUES = (
    AccountBy.POOL,
    AccountBy.SOURCE,
    AccountBy.CAMPAIGN,
    AccountBy.AD,
    AccountBy.COUNTRY,
    AccountBy.DEVICE,
)


@pytest.fixture
def owner(platform: Platform) -> Principal:
    """Two pools with a click of every source, campaign and ad, and somebody else's pool with clicks like them."""
    who, stranger = new_account(platform), new_account(platform)
    for slug, of in (("red1", who), ("red2", who), ("red3", stranger)):
        new_pool(platform, of, slug, 1)
    road = unstarted(platform)
    for number, (slug, source, campaign, ad) in enumerate(
        product(("red1", "red2", "red3"), SOURCES, CAMPAIGNS, ADS)
    ):
        params = {"utm_source": source, "utm_campaign": campaign, "utm_content": ad}
        click(road, slug, QUERY_STRING=urlencode(params), REMOTE_ADDR=f"203.0.113.{number}")
    click(road, REQUEST_METHOD="HEAD")
    flush(platform)
    return who


def lately() -> Period:
    return period("", "", "", utc_now())


def report(
    platform: Platform, owner: Principal, by: AccountBy = AccountBy.DAY, **segment: Any
) -> AccountAnalytics:
    return account_analytics(platform, owner, lately(), by, Segment(**segment), also=VALUES)


@pytest.mark.data
def test_every_segment_has_the_clicks_that_its_rows_have(platform: Platform, owner: Principal) -> None:
    with platform.database.reading() as session:
        rows = session.scalars(select(Click).where(Click.account_id == owner.account_id, Click.counted)).all()
    pools = sorted({row.pool_id for row in rows})
    told = [(row.pool_id, row.source, campaign_of(row.params), ad_of(row.params)) for row in rows]
    assert len(told) == 48
    names = ("pool_id", "source", "campaign", "ad")
    for pool_id in (None, pools[0]):
        for path in (
            (),
            ("fb",),
            ("",),
            ("fb", "Black"),
            ("google", "50% off/now"),
            ("fb", "Black", "A/b"),
            ("", "", "A"),
        ):
            given: dict[str, Any] = dict(zip(names[1:], path, strict=False)) | (
                {"pool_id": pool_id} if pool_id else {}
            )
            places = {name: names.index(name) for name in given}
            expected = sum(all(one[places[name]] == value for name, value in given.items()) for one in told)
            found = report(platform, owner, **given)
            assert found.totals.now.redirects == expected > 0, given
            assert sum(row.figures.redirects for row in found.rows) == expected, given
            for by, shown in found.breakdowns.items():
                assert sum(row.figures.redirects for row in shown) == expected, (given, by)
                assert len({row.key for row in shown}) == len(shown)


@pytest.mark.data
def test_all_pools_together_are_the_sum_of_their_own_reports(platform: Platform, owner: Principal) -> None:
    whole = report(platform, owner)
    assert set(whole.breakdowns) == set(VALUES)
    pools = whole.breakdowns[AccountBy.POOL]
    assert [row.label for row in pools] == ["red1", "red2"]
    own = [pool_analytics(platform, owner, int(row.key), lately(), By.CAMPAIGN) for row in pools]
    assert [row.figures for row in pools] == [one.totals for one in own]
    assert whole.totals.now.redirects == sum(one.totals.redirects for one in own) == 48
    assert (whole.totals.now.uncounted, whole.as_json()["totals"]["success_rate"]) == (1, 100.0)
    alone = report(platform, owner, AccountBy.CAMPAIGN, pool_id=int(pools[0].key))
    assert {row.key: row.figures for row in alone.rows} == {row.key: row.figures for row in own[0].rows}
    path = next(row.as_json(48)["path"] for row in alone.rows if row.label == "fb / 50% off/now")
    assert path == ["fb", "50% off/now"]


@pytest.mark.data
def test_a_strangers_pool_is_not_there(platform: Platform, owner: Principal) -> None:
    pool_id = report(platform, owner).breakdowns[AccountBy.POOL][0].key
    stranger = new_account(platform)
    with pytest.raises(NotFound):
        report(platform, stranger, pool_id=int(pool_id))
    assert report(platform, stranger).totals.now.redirects == 0


@pytest.mark.data
def test_the_time_before_is_summed_apart_and_only_as_far_as_this_one_has_passed(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    now = hour_of(utc_now()) + timedelta(minutes=10)
    begin = hour_of(now) - timedelta(hours=5)
    counted = {-30: 1000, -24: 10, -19: 5, -18: 700, 0: 20, 4: 10}  # hours after the beginning -> clicks
    with platform.database.transaction() as session:
        for hours, clicks in counted.items():
            at = begin + timedelta(hours=hours)
            session.add(ClickRollup(pool_id=pool.id, bot_id=1, hour=at, clicks=clicks, starts=clicks // 5))
    about = Period(begin, begin + timedelta(hours=24), period("", "", "", now).zone)
    found = account_analytics(platform, owner, about, AccountBy.POOL, now=now)
    told = found.as_json()
    assert (told["totals"]["redirects"], told["former"]["totals"]["redirects"]) == (30, 15 - 5)
    assert told["change"] == {"redirects": 200.0, "visitors": None, "starts": 200.0, "conversion": 0.0}
    assert (told["rows"][0]["former_redirects"], told["rows"][0]["change"]) == (10, 200.0)


def test_the_time_before_has_the_length_of_what_has_passed() -> None:
    now = datetime(2026, 11, 20, 12, 40, tzinfo=UTC)
    today = period("2026-11-20", "2026-11-20", "America/Sao_Paulo", now)  # 3:00 to 3:00 UTC
    former = today.former(now)
    assert (former.begin, former.end) == (
        today.begin - timedelta(days=1),
        datetime(2026, 11, 19, 13, tzinfo=UTC),
    )
    done = period("2026-11-01", "2026-11-10", "America/Sao_Paulo", now)
    assert (done.former(now).begin, done.former(now).end) == (done.begin - timedelta(days=10), done.begin)
    ahead = period("2026-11-25", "2026-11-25", "UTC", now)
    assert len(ahead.former(now).hours) == 1


def test_a_report_costs_the_same_queries_for_more_pools(platform: Platform, owner: Principal) -> None:
    said: list[str] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    report(platform, owner)
    few = len(said)
    for number in range(5):
        new_pool(platform, owner, f"more{number}", 1)
    said.clear()
    report(platform, owner)
    assert len(said) == few <= 12
