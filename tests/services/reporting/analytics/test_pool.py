"""A pool's report: from the rollups, equal to what the rows say, at a fixed number of queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from models import Bot, Click, ClickBreakdown, ClickRollup, DailyVisitor, PoolBot, PoolBotTransition
from services.core.errors import NotFound
from services.core.times import hour_of, utc_now
from services.fleet.health.breaker import CheckOutcome, Health
from services.fleet.health.durations import record_durations
from services.platform.platform import Platform
from services.reporting.analytics.period import Period, period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.report import By
from services.reporting.analytics.timeline import pool_transitions
from services.reporting.pool_status import pool_status
from services.traffic.clicks import rollups
from services.traffic.clicks.flush import flush
from services.traffic.clicks.recount import recount
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool
from tests.services.traffic.clicks.clicking import User, click, payload_of, record_start, unstarted

pytestmark = pytest.mark.data


def lately(zone: str = "UTC") -> Period:
    return period("", "", zone, utc_now())


def start(platform: Platform, outcome: Any, update_id: int) -> None:
    """The `/start` that a click leads to."""
    with platform.database.transaction() as session:
        username = outcome.location.rpartition("/")[2].partition("?")[0]
        bot = session.scalars(select(Bot).where(Bot.username == username)).one()
        record_start(
            session,
            bot=bot,
            update_id=update_id,
            user=User(id=update_id),
            payload=payload_of(outcome),
            at=utc_now(),
        )


@contextmanager
def counted_queries(platform: Platform) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(platform.database.engine, "before_cursor_execute", note)
    yield said
    event.remove(platform.database.engine, "before_cursor_execute", note)


def busy_pool(platform: Platform) -> tuple[Any, int]:
    """A pool with three bots, 9 counted clicks of 3 visitors, 3 requests of a crawler and 2 starts."""
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 3)
    road = unstarted(platform)
    outcomes = [
        click(
            road,
            QUERY_STRING=("utm_source=FB", "gclid=1", "")[number % 3],
            REMOTE_ADDR=f"203.0.113.{number % 3}",
        )
        for number in range(9)
    ]
    for _ in range(3):
        click(road, REQUEST_METHOD="HEAD")
    start(platform, outcomes[0], 1)  # before its click is a row
    flush(platform)
    start(platform, outcomes[1], 2)  # after
    flush(platform)
    return owner, pool.id


def test_rows_and_rollups_say_the_same_by_every_dimension(platform: Platform) -> None:
    owner, pool_id = busy_pool(platform)
    for by in By:
        found = pool_analytics(platform, owner, pool_id, lately(), by).as_json()
        totals = found["totals"]
        assert (totals["redirects"], totals["visitors"], totals["starts"]) == (9, 3, 2)
        for figure in ("redirects", "visitors", "starts"):
            assert sum(row[figure] for row in found["rows"]) == totals[figure], (by, figure)
    assert (totals["uncounted"], totals["success_rate"], totals["conversion"]) == (3, 100.0, 22.2)
    assert found["now"]["total_redirects"] == found["now"]["redirects_hour"] == 9
    sources = pool_analytics(platform, owner, pool_id, lately(), By.SOURCE).rows
    assert {row.key: row.figures.redirects for row in sources} == {"fb": 3, "gclid": 3, "": 3}
    assert {row.key: row.figures.starts for row in sources} == {"fb": 1, "gclid": 1, "": 0}


def test_api_status_and_members_agree(platform: Platform) -> None:
    owner, pool_id = busy_pool(platform)
    status = pool_status(platform, owner, pool_id)
    found = pool_analytics(platform, owner, pool_id, lately(), By.BOT).as_json()
    assert {m.bot_id: m.redirects_hour for m in status.members} == {
        m.bot_id: m.redirects for m in found["members"]
    }
    assert {m.bot_id: m.share for m in status.members} == {m.bot_id: m.share for m in found["members"]}
    assert {name: getattr(status, name) for name in found["now"]} == found["now"]
    assert found["most_troubled"] is None
    assert found["most_used"] is not None
    assert found["most_used"]["redirects"] == 3


def test_a_start_is_counted_once_however_often_it_is_folded(platform: Platform) -> None:
    owner, pool_id = busy_pool(platform)
    with platform.database.transaction() as session:
        assert rollups.fold_starts(session) == 0
    flush(platform)
    assert pool_analytics(platform, owner, pool_id, lately(), By.DAY).totals.starts == 2


def test_a_fold_that_is_rolled_back_is_made_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    outcome = click(unstarted(platform))
    flush(platform)
    start(platform, outcome, 1)

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rollups, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            flush(platform)
    flush(platform)
    assert pool_analytics(platform, owner, pool.id, lately(), By.DAY).totals.starts == 1


def test_visitors_are_counted_once_a_day_across_batches(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2)
    road = unstarted(platform)
    for _ in range(3):
        click(road)
        flush(platform)
    click(road, REMOTE_ADDR="203.0.113.9")
    flush(platform)
    found = pool_analytics(platform, owner, pool.id, lately(), By.DEVICE)
    assert (found.totals.visitors, found.rows[0].figures.visitors) == (2, 2)
    with platform.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(DailyVisitor)) == 2


def test_invented_sources_campaigns_and_ads_end_in_one_row(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollups, "SOURCES_PER_HOUR", 3)
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    road = unstarted(platform)
    for number in range(8):
        click(road, QUERY_STRING=f"utm_source=invented{number}&utm_campaign=x{number}&utm_content=y{number}")
        if number % 3 == 0:
            flush(platform)
    flush(platform)
    for by in (By.SOURCE, By.CAMPAIGN, By.AD):
        rows = pool_analytics(platform, owner, pool.id, lately(), by).rows
        assert {row.key: row.figures.redirects for row in rows}[rollups.OTHER] == 5
        assert len(rows) == 4


def test_recounting_finds_what_was_counted(platform: Platform) -> None:
    owner, pool_id = busy_pool(platform)
    before = {by: pool_analytics(platform, owner, pool_id, lately(), by).as_json() for by in By}
    with platform.database.transaction() as session:
        session.execute(text("UPDATE click_rollups SET clicks = 77, starts = 0"))
        session.execute(text("DELETE FROM click_breakdowns"))
        session.execute(text("UPDATE redirect_pools SET total_redirects = 1"))
    assert recount(platform) == 12
    assert {by: pool_analytics(platform, owner, pool_id, lately(), by).as_json() for by in By} == before


def test_losses_and_checks_of_the_period_make_the_most_troubled_bot(platform: Platform) -> None:
    owner, pool_id = busy_pool(platform)
    now = utc_now()
    with platform.database.transaction() as session:
        members = session.scalars(
            select(PoolBot).where(PoolBot.pool_id == pool_id).order_by(PoolBot.id)
        ).all()
        moves = [
            (members[1], "online", "offline", 1),
            (members[1], "degraded", "banned", 2),
            (members[2], "online", "offline", 1),
        ]
        moves += [(members[1], "offline", "banned", 3), (members[2], "online", "offline", 24 * 30)]
        for member, before, after, hours in moves:
            session.add(
                PoolBotTransition(
                    pool_bot_id=member.id,
                    from_status=before,
                    to_status=after,
                    at=now - timedelta(hours=hours),
                )
            )
        for ms in (40, 60, 60, 1900):
            record_durations(session, {members[0].bot_id: CheckOutcome(Health.GOOD, ms=ms)}, now)
        record_durations(session, {members[1].bot_id: CheckOutcome(Health.TRANSIENT)}, now)
    found = pool_analytics(platform, owner, pool_id, lately(), By.DAY)
    assert found.most_troubled is not None
    assert (found.most_troubled.bot_id, found.most_troubled.losses) == (members[1].bot_id, 2)
    first, second, _ = found.members
    assert (first.checks, first.check_mean_ms, second.checks, second.check_p95_ms) == (4, 515, 0, None)
    assert first.check_p95_ms is not None
    assert 1500 < first.check_p95_ms <= 2000


def test_a_report_costs_ten_queries_and_none_reads_clicks(platform: Platform) -> None:
    owner, pool_id = busy_pool(platform)
    also = (By.SOURCE, By.COUNTRY, By.DEVICE, By.BOT)
    with counted_queries(platform) as of_status:
        pool_status(platform, owner, pool_id)
    with counted_queries(platform) as said:
        pool_analytics(platform, owner, pool_id, lately(), By.DAY, also=also)
    own = [line for line in said if line.startswith("SELECT")][
        len([x for x in of_status if x.startswith("SELECT")]) :
    ]
    assert len(own) == 10  # one of them a look for goals
    assert not any(re.search(r"FROM clicks\b", statement) for statement in own)


@pytest.mark.parametrize("table", [ClickRollup, ClickBreakdown])
def test_reports_are_found_by_their_key(platform: Platform, table: Any) -> None:
    query = select(func.sum(table.clicks)).where(table.pool_id == 1, table.hour >= utc_now())
    if table is ClickBreakdown:
        query = query.where(table.dimension == "source")
    with platform.database.reading() as session:
        if platform.database.is_sqlite:
            plan = str(session.execute(text(f"EXPLAIN QUERY PLAN {_literal(query, platform)}")).all())
            assert "USING INDEX" in plan or "USING PRIMARY KEY" in plan
            assert "SCAN" not in plan
        else:
            session.execute(text("SET LOCAL enable_seqscan = off"))  # an empty table is scanned otherwise
            plan = str(session.execute(text(f"EXPLAIN {_literal(query, platform)}")).all())
            assert "Index" in plan


def test_somebody_elses_pool_has_no_report(platform: Platform) -> None:
    _, pool_id = busy_pool(platform)
    other = new_account(platform)
    with pytest.raises(NotFound):
        pool_analytics(platform, other, pool_id, lately(), By.DAY)
    with pytest.raises(NotFound):
        pool_transitions(platform, other, pool_id)


def test_a_click_keeps_its_source(platform: Platform) -> None:
    busy_pool(platform)
    with platform.database.reading() as session:
        sources = select(Click.source, func.count()).where(Click.counted).group_by(Click.source)
        assert dict(session.execute(sources).all()) == {"": 3, "fb": 3, "gclid": 3}


def _literal(query: Any, platform: Platform) -> str:
    return str(query.compile(platform.database.engine, compile_kwargs={"literal_binds": True}))


def test_a_bot_of_another_account_has_no_name_in_the_report(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    own, foreign = new_bot(platform, owner), new_bot(platform, new_account(platform))
    with platform.database.transaction() as session:
        for bot in (own, foreign):
            counted = ClickRollup(pool_id=pool.id, bot_id=bot.id, hour=hour_of(utc_now()), clicks=3)
            session.add(counted)
    rows = pool_analytics(platform, owner, pool.id, lately(), By.BOT).rows
    assert {row.key: row.label for row in rows} == {
        str(own.id): f"@{own.username}",
        str(foreign.id): "deleted",
    }
