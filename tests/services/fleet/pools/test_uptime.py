"""Uptime of a member: of the chosen time, the same everywhere, and never of time in which nobody looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from models import CheckGap, PoolBot, PoolBotTransition
from services.core.times import hour_of, iso, utc_now
from services.fleet.health.breaker import CheckOutcome, Health
from services.fleet.health.gaps import longest_silence
from services.fleet.health.members import apply_outcomes
from services.fleet.health.uptime import Window, uptime_percent
from services.platform.platform import Platform
from services.reporting.analytics.period import period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.pool_live import pool_live
from services.reporting.analytics.report import By
from services.reporting.analytics.series import Span
from services.reporting.pool_status import pool_status
from tests.services.fleet.health.world import Fleet, moment, pool_in_tables

GOOD = CheckOutcome(Health.GOOD, ms=5)
DEAD = CheckOutcome(Health.DEAD, "unauthorized", ms=5)
TRANSIENT = CheckOutcome(Health.TRANSIENT, "timeout", ms=5)
HOURS = timedelta(hours=1)


def one_bot(platform: Platform, added_at: datetime, *moves: tuple[datetime, str, str]) -> Fleet:
    """A pool with one member and these transitions; its status is where they led."""
    fleet = pool_in_tables(platform, 1)
    with platform.database.transaction() as session:
        status = moves[-1][2] if moves else "online"
        session.execute(update(PoolBot).values(added_at=added_at, status=status))
        member_id = session.scalars(select(PoolBot.id)).one()
        session.add_all(
            PoolBotTransition(pool_bot_id=member_id, at=at, from_status=before, to_status=after)
            for at, before, after in moves
        )
    return fleet


def of(fleet: Fleet, begin: datetime, end: datetime, now: datetime) -> float | None:
    """Uptime by the status."""
    status = pool_status(fleet.platform, fleet.caller, fleet.pool_id, Window(begin, end), now=now)
    return status.members[0].uptime_percent


def check(fleet: Fleet, at: datetime, outcome: CheckOutcome = GOOD, *, hold: bool = False) -> None:
    silence = longest_silence(fleet.platform.settings)
    with fleet.platform.database.transaction() as session:
        apply_outcomes(session, {fleet.bot_ids[0]: outcome}, at, hold=hold, silence=silence)


def gaps(fleet: Fleet) -> Sequence[tuple[datetime, datetime]]:
    with fleet.platform.database.reading() as session:
        rows = session.scalars(select(CheckGap).order_by(CheckGap.id))
        return [(row.began_at, row.ended_at) for row in rows]


@pytest.mark.data
def test_uptime_is_of_the_chosen_time_and_the_same_in_status_report_and_pool_page(platform: Platform) -> None:
    now = hour_of(utc_now()) + HOURS / 2
    down, back = now - 30 * HOURS, now - 6 * HOURS
    fleet = one_bot(platform, now - 400 * HOURS, (down, "online", "offline"), (back, "offline", "online"))
    for hours in (1, 6, 24, 48, 240):
        begin = hour_of(now) - hours * HOURS
        about = period(iso(begin) or "", iso(hour_of(now)) or "", "UTC", now)
        report = pool_analytics(platform, fleet.caller, fleet.pool_id, about, By.BOT, now=now)
        expected = of(fleet, about.begin, about.end, now)
        assert report.members[0].uptime_percent == expected
        assert report.as_json()["members"][0].uptime_percent == expected
    assert of(fleet, now - 24 * HOURS, now, now) == 25.0
    assert of(fleet, now - 60 * HOURS, now, now) == 60.0
    live = {
        span: pool_live(platform, fleet.caller, fleet.pool_id, span)["status"]
        for span in (Span.HOUR, Span.DAY)
    }
    assert live[Span.HOUR]["members"][0]["uptime_percent"] == 100.0
    seen = live[Span.DAY]
    window = Window(datetime.fromisoformat(seen["uptime_from"]), datetime.fromisoformat(seen["uptime_to"]))
    assert window.end - window.begin == timedelta(days=1)
    assert seen["members"][0]["uptime_percent"] == of(fleet, window.begin, window.end, window.end)


@pytest.mark.data
def test_without_a_choice_status_and_report_are_of_the_same_seven_days(platform: Platform) -> None:
    now = utc_now()
    fleet = one_bot(
        platform,
        now - 900 * HOURS,
        (now - 200 * HOURS, "online", "offline"),
        (now - 40 * HOURS, "offline", "online"),
    )
    status = pool_status(platform, fleet.caller, fleet.pool_id, now=now)
    about = period("", "", "UTC", now)
    report = pool_analytics(platform, fleet.caller, fleet.pool_id, about, By.DAY, now=now)
    assert status.members[0].uptime_percent == report.members[0].uptime_percent
    assert (status.uptime_from, status.uptime_to) == (iso(about.begin), iso(now))


@pytest.mark.data
def test_a_time_that_is_over_is_judged_by_the_state_of_then(platform: Platform) -> None:
    now = utc_now()
    fleet = one_bot(platform, now - 900 * HOURS, (now - 10 * HOURS, "online", "banned"))
    assert of(fleet, now - 50 * HOURS, now - 20 * HOURS, now) == 100.0
    assert of(fleet, now - 9 * HOURS, now - 5 * HOURS, now) == 0.0
    assert of(fleet, now - 20 * HOURS, now + HOURS, now) == 50.0, "what has not come yet is no time"


@pytest.mark.data
def test_a_member_younger_than_the_time_is_judged_since_it_was_added(platform: Platform) -> None:
    now = utc_now()
    added = now - 4 * HOURS
    fleet = one_bot(
        platform, added, (added + HOURS, "checking", "online"), (added + 3 * HOURS, "online", "offline")
    )
    assert of(fleet, now - 168 * HOURS, now, now) == 66.7, "an hour of checking does not count"
    assert of(fleet, now - 168 * HOURS, added, now) is None
    assert of(fleet, now - 168 * HOURS, added + HOURS / 2, now) is None


@pytest.mark.data
def test_time_without_sweeps_is_unknown_and_no_uptime(platform: Platform) -> None:
    now = utc_now()
    began = now - 10 * HOURS
    fleet = one_bot(platform, now - 900 * HOURS)
    check(fleet, began)
    check(fleet, began + timedelta(seconds=15))
    assert gaps(fleet) == []
    check(fleet, began + 5 * HOURS, DEAD)
    check(fleet, began + 5 * HOURS + timedelta(seconds=4), DEAD)
    assert gaps(fleet) == [(began + timedelta(seconds=15), began + 5 * HOURS)]
    assert of(fleet, began + HOURS, began + 4 * HOURS, now) is None
    assert of(fleet, began - HOURS, began + 5 * HOURS, began + 5 * HOURS) == 100.0
    end = began + 5 * HOURS + timedelta(seconds=104)  # 100 s into the hold
    assert of(fleet, began - timedelta(seconds=81), end, end) == 50.0


@pytest.mark.data
def test_a_silence_that_goes_on_is_unknown_already(platform: Platform) -> None:
    now = utc_now()
    fleet = one_bot(platform, now - 900 * HOURS)
    check(fleet, now - 3 * HOURS)
    assert of(fleet, now - 2 * HOURS, now, now) is None
    assert of(fleet, now - 4 * HOURS, now, now) == 100.0
    assert gaps(fleet) == []


def test_telegram_away_is_unknown_time_though_states_are_held(platform: Platform) -> None:
    now = utc_now()
    began = now - 2 * HOURS
    fleet = one_bot(platform, now - 900 * HOURS)
    check(fleet, began)
    for minute in range(1, 60):
        check(fleet, began + timedelta(minutes=minute), TRANSIENT, hold=True)
    check(fleet, began + HOURS)
    assert gaps(fleet) == [(began, began + HOURS)]


def test_holds_and_the_slow_probing_of_a_banned_bot_are_no_gaps(platform: Platform) -> None:
    fleet = one_bot(platform, utc_now() - 900 * HOURS)
    at = utc_now() - 24 * HOURS
    check(fleet, at)
    for _ in range(40):
        member = fleet.member(0)
        at = max(at + timedelta(seconds=15), member.next_check_at or at)
        check(fleet, at, DEAD)
    assert fleet.member(0).status == "banned"
    assert gaps(fleet) == []


def test_a_change_of_the_clocks_changes_nothing(platform: Platform) -> None:
    """In Berlin 25 October 2026 had 25 hours, 29 March 2026 had 23: shares are of hours that passed."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    for day, hours in (("2026-10-25", 25), ("2026-03-29", 23)):
        about = period(day, day, "Europe/Berlin", now)
        assert about.end - about.begin == hours * HOURS
        told = [(about.begin + 5 * HOURS, "offline", "online")]
        expected = round(100 * (hours - 5) / hours, 1)
        assert uptime_percent(told, "online", Window(about.begin, about.end)) == expected


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        ((0, 50), 100.0),
        ((50, 100), 0.0),
        ((25, 75), 50.0),
        ((-10, 20), 62.5),
        ((90, 200), 44.4),
        ((-10, 200), None),
        ((100, 200), 50.0),
    ],
)
def test_only_watched_time_counts(gap: tuple[int, int], expected: float | None) -> None:
    """Offline in the first half, online in the second."""
    told = [(moment(50), "offline", "online")]
    unseen = [Window(moment(gap[0]), moment(gap[1]))]
    assert uptime_percent(told, "online", Window(moment(0), moment(100)), unseen) == expected
