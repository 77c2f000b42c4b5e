"""What clicks cost and earned agrees with what was imported and noted, whichever way it is broken down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import ClickBreakdown, ClickRollup, Goal, GoalSource, RedirectPool
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.period import period
from services.reporting.returns.report import ReturnsBy, ReturnsReport
from services.reporting.returns.reporting import returns
from services.reporting.returns.shares import shares
from services.traffic.spend.fields import SpendLine
from services.traffic.spend.imports import note_spend
from services.traffic.spend.rates import NewRate, enter_rate
from tests.services.fleet.pools.fleet import new_account, new_pool

DAY = date(2026, 11, 20)
HOUR = datetime(2026, 11, 20, 12, tzinfo=UTC)
MONTH = period("2026-11-01", "2026-11-30", "UTC", HOUR)


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


def count(platform: Platform, pool: RedirectPool, path: str, clicks: list[int], starts: int = 0) -> None:
    """Counted clicks of an ad, one number per bot of the pool, as the flusher keeps them."""
    source, campaign, _ad = path.split("/")
    with platform.database.transaction() as session:
        for dimension, value in (("source", source), ("campaign", f"{source}/{campaign}"), ("ad", path)):
            session.add(
                ClickBreakdown(
                    pool_id=pool.id,
                    dimension=dimension,
                    hour=HOUR,
                    value=value,
                    clicks=sum(clicks),
                    starts=starts,
                )
            )
        for member, number in zip(pool.members, clicks, strict=True):
            session.add(
                ClickRollup(pool_id=pool.id, bot_id=member.bot_id, hour=HOUR, clicks=number, starts=0)
            )


def earn(
    platform: Platform, owner: Principal, pool: RedirectPool, micros: int, currency: str, ad: str
) -> None:
    """A goal of a click of this ad, on the pool's first bot."""
    source, campaign, name = ad.split("/")
    with platform.database.transaction() as session:
        session.add(
            Goal(
                account_id=owner.account_id,
                bot_id=pool.members[0].bot_id,
                pool_id=pool.id,
                goal="purchase",
                amount_micros=micros,
                currency=currency,
                event_id=f"{ad}:{micros}:{currency}",
                source=GoalSource.API,
                clicked_at=HOUR,
                clicked_hour=HOUR,
                click_source=source,
                campaign=campaign,
                ad=name,
            )
        )


def spend(platform: Platform, owner: Principal, amount: str, *names: str, currency: str = "BRL") -> None:
    source, campaign, ad = (*names, "", "")[:3]
    note_spend(
        platform,
        owner,
        [SpendLine(day=DAY, source=source, campaign=campaign, ad=ad, amount=amount, currency=currency)],
    )


def by_key(report: ReturnsReport) -> dict[str, tuple[int, int, int, int, int]]:
    """Clicks, starts, goals, cost and revenue in hundredths by key."""
    return {
        row.key: (
            row.figures.redirects,
            row.figures.starts,
            row.figures.goals,
            row.figures.cost_micros // 10_000,
            row.figures.revenue_micros // 10_000,
        )
        for row in report.rows
    }


@pytest.mark.data
def test_every_breakdown_sums_up_to_what_was_brought(platform: Platform, owner: Principal) -> None:
    short, long = new_pool(platform, owner, "short", 2), new_pool(platform, owner, "long", 1)
    count(platform, short, "fb/launch/a", [2, 1], starts=2)
    count(platform, long, "fb/launch/b", [3], starts=1)
    spend(platform, owner, "10.00", "fb", "launch", "a")
    spend(platform, owner, "0.05", "fb", "launch")  # of the campaign as a whole
    spend(platform, owner, "7.77", "tiktok", "cold", "x")  # nobody clicked
    earn(platform, owner, short, 50_000_000, "BRL", "fb/launch/a")
    reports = {by: returns(platform, owner, MONTH, by) for by in ReturnsBy}
    for by, report in reports.items():
        totals = report.totals
        assert (totals.cost_micros, totals.revenue_micros, totals.goals) == (17_820_000, 50_000_000, 1), by
        assert report.currency == "BRL"
    assert by_key(reports[ReturnsBy.SOURCE]) == {"fb": (6, 3, 1, 1005, 5000), "tiktok": (0, 0, 0, 777, 0)}
    assert by_key(reports[ReturnsBy.AD])["fb/launch/a"] == (3, 2, 1, 1000, 5000)
    assert by_key(reports[ReturnsBy.AD])["fb/launch/"] == (0, 0, 0, 5, 0)
    pools = by_key(reports[ReturnsBy.POOL])
    assert pools[str(short.id)] == (3, 0, 1, 1002, 5000), "its ad, and half of the campaign's five hundredths"
    assert pools["0"] == (0, 0, 0, 777, 0), "what brought no click stands by itself"
    bots = by_key(reports[ReturnsBy.BOT])
    first, second = (str(member.bot_id) for member in short.members)
    assert (bots[first][3], bots[second][3]) == (668, 334)
    ratios = reports[ReturnsBy.DAY].totals.as_json()
    assert (ratios["profit_micros"], ratios["roi_percent"]) == (32_180_000, 180.6)
    assert (ratios["cost_per_click_micros"], ratios["cost_per_goal_micros"]) == (2_970_000, 17_820_000)


def test_a_cost_per_click_is_over_clicks_that_have_costs(platform: Platform, owner: Principal) -> None:
    pool = new_pool(platform, owner, "short", 1)
    other = new_pool(platform, owner, "other", 1)
    count(platform, pool, "fb/launch/a", [4], starts=2)
    count(platform, other, "friend/word/b", [6], starts=3)
    spend(platform, owner, "10.00", "fb", "launch", "a")
    spend(platform, owner, "2.00", "tiktok", "cold", "x")  # paid for, and nobody clicked
    earn(platform, owner, other, 5_000_000, "BRL", "friend/word/b")
    report = returns(platform, owner, MONTH, ReturnsBy.CAMPAIGN)
    totals = report.as_json()["totals"]
    assert (totals["redirects"], totals["cost_micros"], totals["revenue_micros"]) == (
        10,
        12_000_000,
        5_000_000,
    )
    assert (totals["cost_per_click_micros"], totals["cost_per_start_micros"]) == (3_000_000, 6_000_000)
    assert totals["cost_per_goal_micros"] is None, "its only goal cost nothing"
    assert [totals[f"{name}_without_cost"] for name in ("redirects", "starts", "goals")] == [6, 3, 1]  # type: ignore[literal-required]
    _, rows = report.file_rows()
    free = next(row for row in rows if row["key"] == "friend/word")
    assert (free["cost_per_click"], free["redirects_without_cost"]) == (None, 6)
    assert sum(int(str(row["redirects_without_cost"])) for row in rows) == 6


@pytest.mark.data
def test_money_is_turned_at_the_rate_of_its_day_and_what_has_none_is_named(
    platform: Platform, owner: Principal
) -> None:
    pool = new_pool(platform, owner, "short", 1)
    count(platform, pool, "fb/launch/a", [4])
    spend(platform, owner, "10", "fb", "launch", "a")
    earn(platform, owner, pool, 100_000_000, "XTR", "fb/launch/a")
    earn(platform, owner, pool, 3_000_000, "USD", "fb/launch/a")
    before = returns(platform, owner, MONTH, ReturnsBy.CAMPAIGN)
    assert before.missing == {"XTR": "2026-11-01", "USD": "2026-11-01"}
    assert (before.totals.revenue_micros, before.totals.goals) == (0, 2)
    for day, rate in ((1, "5"), (20, "6"), (21, "7")):
        enter_rate(platform, owner, NewRate(currency="USD", into="BRL", day=date(2026, 11, day), rate=rate))
    enter_rate(platform, owner, NewRate(currency="XTR", into="BRL", day=date(2026, 11, 1), rate="0.07"))
    for by in ReturnsBy:
        report = returns(platform, owner, MONTH, by)
        assert (report.missing, report.totals.revenue_micros) == ({}, 25_000_000), by
    columns, [row] = returns(platform, owner, MONTH, ReturnsBy.CAMPAIGN).file_rows()
    assert [row.get(name) for name in columns][:8] == [
        "fb/launch",
        "fb / launch",
        "BRL",
        4,
        0,
        2,
        Decimal("10.00"),
        Decimal("25.00"),
    ]


def test_another_account_sees_nothing(platform: Platform, owner: Principal) -> None:
    pool = new_pool(platform, owner, "short", 1)
    count(platform, pool, "fb/launch/a", [4])
    spend(platform, owner, "10", "fb", "launch", "a")
    stranger = new_account(platform)
    for by in ReturnsBy:
        assert returns(platform, stranger, MONTH, by).rows == []


def test_a_day_is_the_zone_s(platform: Platform, owner: Principal) -> None:
    spend(platform, owner, "1", "fb")
    other = period("2026-11-20", "2026-11-20", "America/Sao_Paulo", HOUR + timedelta(days=1))
    assert by_key(returns(platform, owner, other, ReturnsBy.DAY))["2026-11-20"][3] == 100
    former = period("2026-11-19", "2026-11-19", "America/Sao_Paulo", HOUR)
    assert returns(platform, owner, former, ReturnsBy.DAY).rows == []


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**15), st.dictionaries(st.integers(1, 99), st.integers(0, 10**6), max_size=8))
def test_shares_sum_up_and_none_is_further_off_than_a_millionth(micros: int, weights: dict[int, int]) -> None:
    parts = shares(micros, weights)
    total = sum(weights.values())
    assert sum(parts.values()) == (micros if total else 0)
    for key, part in parts.items():
        assert abs(part * total - micros * weights[key]) < total
