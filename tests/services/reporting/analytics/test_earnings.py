"""What clicks earned: the same money by every dimension, in the API's answer, in its file and over all pools."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from models import GoalSource, Lead
from services.core.times import utc_now
from services.platform.platform import Platform
from services.reporting.analytics.account import account_analytics
from services.reporting.analytics.account_report import AccountBy
from services.reporting.analytics.file_rows import for_files
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.report import By
from services.reporting.analytics.segment import Segment
from services.traffic.goals.earnings import EarnedBy, revenue_of
from services.traffic.goals.recording import GoalReached, record_goals
from tests.services.reporting.analytics.test_pool import busy_pool, lately

pytestmark = pytest.mark.data
WORTH = ((9_900_000, "BRL"), (-4_950_000, "BRL"), (50_000_000, "XTR"), (None, ""))


@pytest.fixture
def sold(platform: Platform) -> tuple[Any, int]:
    """A busy pool whose two started people bought, gave back half and reached a goal without worth."""
    owner, pool_id = busy_pool(platform)
    with platform.database.transaction() as session:
        for lead in session.scalars(select(Lead)).all():
            reached = [
                GoalReached(
                    account_id=owner.account_id,
                    goal="purchase",
                    event_id=f"{lead.telegram_id}:{number}",
                    source=GoalSource.API,
                    at=utc_now(),
                    bot_id=lead.bot_id,
                    telegram_id=lead.telegram_id,
                    amount_micros=micros,
                    currency=currency,
                )
                for number, (micros, currency) in enumerate(WORTH)
            ]
            assert len(record_goals(session, reached)) == len(WORTH)
    return owner, pool_id


def money_of(rows: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found["goals"] += row["goals"]
        for one in row["revenue"]:
            found[one["currency"]] += one["amount_micros"]
    return found


WHOLE = {"goals": 6, "BRL": 9_900_000, "XTR": 100_000_000}


def test_every_dimension_and_every_report_has_the_same_money(
    platform: Platform, sold: tuple[Any, int]
) -> None:
    owner, pool_id = sold
    for by in By:
        report = pool_analytics(platform, owner, pool_id, lately(), by)
        found = report.as_json()
        assert money_of(found["rows"]) == money_of([found["totals"]]) == WHOLE, by
        columns, rows = for_files(report.cells, found["rows"])
        assert [name for name in columns if "_BRL" in name or "_XTR" in name] == [
            "revenue_BRL",
            "per_click_BRL",
            "revenue_XTR",
            "per_click_XTR",
        ]
        assert sum(row.get("revenue_BRL", 0) for row in rows) == 9.9
    for kind in AccountBy:
        whole = account_analytics(platform, owner, lately(), kind).as_json()
        assert money_of(whole["rows"]) == money_of([whole["totals"]]) == WHOLE, kind
        assert money_of([whole["former"]["totals"]]) == {"goals": 0}
    assert found["totals"]["revenue"][0]["per_click_micros"] == 1_100_000  # over nine clicks


def test_a_segment_has_its_own_money_alone(platform: Platform, sold: tuple[Any, int]) -> None:
    owner, pool_id = sold
    half = {"goals": 3, "BRL": 4_950_000, "XTR": 50_000_000}
    for segment in (
        Segment(source="fb"),
        Segment(pool_id, source="fb"),
        Segment(source="fb", campaign="", ad=""),
    ):
        for kind in (AccountBy.DAY, AccountBy.POOL, AccountBy.SOURCE, AccountBy.CAMPAIGN, AccountBy.AD):
            found = account_analytics(platform, owner, lately(), kind, segment).as_json()
            assert money_of(found["rows"]) == money_of([found["totals"]]) == half, (segment, kind)


def test_the_cost_side_gets_the_same_by_its_own_keys(platform: Platform, sold: tuple[Any, int]) -> None:
    owner, pool_id = sold
    about = lately()
    with platform.database.reading() as session:
        found = {by: revenue_of(session, owner.account_id, by, about.begin, about.end) for by in EarnedBy}
        assert revenue_of(session, owner.account_id + 1, EarnedBy.POOL, about.begin, about.end) == {}
    for by, keys in found.items():
        assert sum(one.revenue["BRL"] for one in keys.values()) == 9_900_000, by
    assert found[EarnedBy.AD].keys() == {"fb//", "gclid//"}
    assert found[EarnedBy.POOL].keys() == {pool_id}
