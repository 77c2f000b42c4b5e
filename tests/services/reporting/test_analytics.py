"""The panel's numbers, on both databases: series, cards, overview and live page say the same as the pool's status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models import (
    Account,
    Bot,
    Click,
    ClickRollup,
    DeadLetter,
    DeadLetterState,
    Lead,
    MemberStatus,
    PoolBot,
    PoolBotTransition,
    RedirectPool,
    Start,
)
from services.core.times import hour_of, utc_now
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.heartbeats import beat
from services.reporting.analytics.condition import condition
from services.reporting.analytics.fleet import pool_cards
from services.reporting.analytics.overview import overview
from services.reporting.analytics.pool_live import pool_live
from services.reporting.analytics.series import Span, account_series, pool_series
from services.reporting.pool_status import pool_status

pytestmark = pytest.mark.data
NOW = datetime(2026, 5, 4, 12, 30, 59, 900_000, tzinfo=UTC)


def make_account(platform: Platform, email: str = "a@example.com") -> Principal:
    with platform.database.transaction() as session:
        account = Account(email=email, password_hash="x")
        session.add(account)
    return Principal(account.id, "account:1")


def make_pool(
    platform: Platform, who: Principal, slug: str, *states: MemberStatus
) -> tuple[RedirectPool, list[Bot]]:
    """A pool with one member per state."""
    with platform.database.transaction() as session:
        pool = RedirectPool(account_id=who.account_id, name=slug, slug=slug)
        session.add(pool)
        session.flush()
        bots = []
        for number, state in enumerate(states):
            bot = Bot(
                account_id=who.account_id,
                public_id=f"{slug}{number}",
                telegram_bot_id=pool.id * 100 + number,
                username=f"{slug}_{number}",
                sealed_token="x",
                mode="polling",
                path_id=f"{slug}{number}",
                status="running" if number else "stopped",
                plugins=[],
            )
            session.add(bot)
            session.flush()
            session.add(PoolBot(pool_id=pool.id, bot_id=bot.id, status=state))
            bots.append(bot)
    return pool, bots


def add_click(
    platform: Platform, pool: RedirectPool, bot: Bot | None, at: datetime, token: str, **values: object
) -> None:
    with platform.database.transaction() as session:
        bot_id = bot.id if bot else None
        session.add(
            Click(id=token, at=at, account_id=pool.account_id, pool_id=pool.id, bot_id=bot_id, **values)
        )


def test_a_series_by_minute_puts_a_click_into_its_own_minute(platform: Platform) -> None:
    who = make_account(platform)
    pool, (bot,) = make_pool(platform, who, "red1", MemberStatus.ONLINE)
    add_click(platform, pool, bot, NOW, "now")
    add_click(platform, pool, bot, NOW - timedelta(minutes=1), "before")
    add_click(platform, pool, None, NOW - timedelta(minutes=59, seconds=59), "first")
    add_click(platform, pool, bot, NOW - timedelta(minutes=61), "too old")
    add_click(platform, pool, bot, NOW, "crawler", counted=False)
    with platform.database.reading() as session:
        series = pool_series(session, pool.id, Span.HOUR, NOW)
        whole = account_series(session, who.account_id, Span.HOUR, NOW)
    assert series.times[-1] == int(NOW.timestamp()) // 60 * 60
    assert series.by_bot[bot.id][-2:] == [1, 1]
    assert series.by_bot[0][0] == 1  # the fallback
    assert sum(series.total) == 3
    assert whole == series


def test_a_series_by_hour_comes_from_the_rollups(platform: Platform) -> None:
    who = make_account(platform)
    pool, (bot,) = make_pool(platform, who, "red1", MemberStatus.ONLINE)
    with platform.database.transaction() as session:
        for hours, clicks in ((0, 5), (23, 7), (24, 100)):
            hour = hour_of(NOW) - timedelta(hours=hours)
            session.add(ClickRollup(pool_id=pool.id, bot_id=bot.id, hour=hour, clicks=clicks))
    with platform.database.reading() as session:
        series = pool_series(session, pool.id, Span.DAY, NOW)
        whole = account_series(session, who.account_id, Span.DAY, NOW)
    assert (series.total[0], series.total[-1], sum(series.total)) == (7, 5, 12)
    assert whole == series


def test_an_empty_series_has_a_zero_for_each_bucket(platform: Platform) -> None:
    who = make_account(platform)
    with platform.database.reading() as session:
        assert account_series(session, who.account_id, Span.HOUR, NOW).total == [0] * 60


def test_card_live_page_and_status_say_the_same(platform: Platform) -> None:
    who = make_account(platform)
    pool, bots = make_pool(
        platform, who, "red1", MemberStatus.ONLINE, MemberStatus.BANNED, MemberStatus.ONLINE
    )
    now = utc_now()
    for number, bot in enumerate([bots[0], bots[0], bots[2], None]):
        started = now if number == 0 else None
        add_click(platform, pool, bot, now, f"c{number}", started_at=started, unique_hash=f"v{number % 2}")
    add_click(platform, pool, bots[0], now - timedelta(minutes=61), "old")
    (card,) = pool_cards(platform, who)
    status = pool_status(platform, who, pool.id)
    live = pool_live(platform, who, pool.id, Span.HOUR)
    assert (
        (card.health, card.online, card.total)
        == (status.health, status.online_bots, status.total_bots)
        == (66, 2, 3)
    )
    assert card.redirects_hour == status.redirects_hour == live["status"]["redirects_hour"] == 4
    assert f"{card.capacity_used}%" == status.capacity_used
    assert live["funnel"] == {"visitors": 2, "starts": 1, "conversion": 25.0}
    assert sum(live["series"]["total"]) == 4


def test_the_overview_counts_only_what_is_the_callers(platform: Platform) -> None:
    who, other = make_account(platform), make_account(platform, "b@example.com")
    now = utc_now()
    pool, bots = make_pool(platform, who, "red1", MemberStatus.ONLINE, MemberStatus.OFFLINE)
    make_pool(platform, who, "bad1", MemberStatus.OFFLINE)
    theirs, their_bots = make_pool(platform, other, "their", MemberStatus.ONLINE)
    for mine, bot, token in ((pool, bots[0], "a"), (theirs, their_bots[0], "b")):
        add_click(platform, mine, bot, now, token)
        for number in (1, 2):
            add_click(platform, mine, bot, now, f"{token}{number}", started_at=now)
        with platform.database.transaction() as session:
            lead = Lead(account_id=mine.account_id, bot_id=bot.id, telegram_id=5)
            session.add(lead)
            session.flush()
            session.add(Start(bot_id=bot.id, update_id=1, lead_id=lead.id))
            for state, resolved in (("open", None), ("done", now)):
                session.add(
                    DeadLetter(
                        account_id=mine.account_id,
                        kind="update",
                        source_id=f"{token}{state}",
                        error_id="e",
                        error="x",
                        fingerprint="f",
                        state=DeadLetterState.RESOLVED if resolved else DeadLetterState.OPEN,
                        resolved_at=resolved,
                    )
                )
    assert overview(platform, who).tiles() == {
        "bots_running": 1,
        "bots_total": 3,
        "pools_healthy": 1,
        "pools_total": 2,
        "redirects_hour": 3,
        "starts_hour": 2,  # not the one that came without a click
        "dead_letters": 1,
    }


def test_the_timeline_is_newest_first_and_of_this_pool_alone(platform: Platform) -> None:
    who = make_account(platform)
    pool, _ = make_pool(platform, who, "red1", MemberStatus.OFFLINE)
    make_pool(platform, who, "red2", MemberStatus.ONLINE)
    now = utc_now()
    with platform.database.transaction() as session:
        for member in (1, 2):
            for minutes, to in ((5, "degraded"), (3, "offline")):
                at = now - timedelta(minutes=minutes)
                session.add(PoolBotTransition(pool_bot_id=member, from_status="online", to_status=to, at=at))
    told = [
        (entry["username"], entry["to"]) for entry in pool_live(platform, who, pool.id, Span.HOUR)["timeline"]
    ]
    assert told == [("red1_0", "offline"), ("red1_0", "degraded")]


def test_the_condition_names_living_processes_and_waiting_updates(platform: Platform) -> None:
    assert condition(platform).running == {}
    beat(platform, "worker@here:1")
    platform.redis.xadd(keys.update_lane(0), {"x": "y"})
    found = condition(platform)
    assert found.running == {"worker": 1}
    assert (found.waiting, found.sweep_age) == (1, None)
