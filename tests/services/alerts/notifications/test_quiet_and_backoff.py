"""Quiet hours follow the wall clock of their zone; waits grow and end."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from services.alerts.notifications.backoff import MAX_ATTEMPTS, wait_seconds
from services.alerts.notifications.fields import Quiet
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.quiet import QuietHours, quiet_ends
from tests.services.alerts.notifications.world import Owner
from tools.servers.receivers import Receiver

NEW_YORK, SAO_PAULO = ZoneInfo("America/New_York"), ZoneInfo("America/Sao_Paulo")


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(begin: str, end: str, zone: ZoneInfo) -> QuietHours:
    return QuietHours(time.fromisoformat(begin), time.fromisoformat(end), zone)


@pytest.mark.parametrize(
    ("begin", "end", "zone", "moment", "expected"),
    [
        ("22:00", "07:00", SAO_PAULO, "2026-11-20 00:59", None),  # 21:59 there
        ("22:00", "07:00", SAO_PAULO, "2026-11-20 01:00", "2026-11-20 10:00"),
        ("22:00", "07:00", SAO_PAULO, "2026-11-20 09:59", "2026-11-20 10:00"),
        ("22:00", "07:00", SAO_PAULO, "2026-11-20 10:00", None),
        ("12:00", "13:30", SAO_PAULO, "2026-11-20 15:30", "2026-11-20 16:30"),
        # The clocks go forward on 8 March 2026 at 2:00: the night is an hour shorter.
        ("22:00", "07:00", NEW_YORK, "2026-03-08 04:00", "2026-03-08 11:00"),
        ("22:00", "07:00", NEW_YORK, "2026-03-07 04:00", "2026-03-07 12:00"),
        # 2:30 does not exist in that night: the quiet ends when it would have been, at 3:30.
        ("22:00", "02:30", NEW_YORK, "2026-03-08 06:59", "2026-03-08 07:30"),
        # They go back on 1 November at 2:00: 1:30 comes twice, the first time ends the quiet …
        ("22:00", "01:30", NEW_YORK, "2026-11-01 05:00", "2026-11-01 05:30"),
        # … and when one o'clock strikes again it is quiet again, until the second 1:30.
        ("22:00", "01:30", NEW_YORK, "2026-11-01 06:10", "2026-11-01 06:30"),
    ],
)
def test_quiet_ends_when_the_wall_clock_says_so(
    begin: str, end: str, zone: ZoneInfo, moment: str, expected: str | None
) -> None:
    assert quiet_ends(hours(begin, end, zone), at(moment)) == (at(expected) if expected else None)


def test_waits_grow_from_half_a_minute_to_an_hour_and_end_after_eight_tries() -> None:
    waits = [wait_seconds(attempts, 0.5) for attempts in range(1, MAX_ATTEMPTS + 1)]
    assert waits[0] == 30
    assert waits[-1] is None
    known = [wait for wait in waits if wait is not None]
    assert known == sorted(known)
    assert 3000 < known[-1] <= 3600


def test_chance_spreads_waits_within_their_bounds() -> None:
    for attempts in range(1, MAX_ATTEMPTS):
        low, high = wait_seconds(attempts, 0.0), wait_seconds(attempts, 1.0)
        assert low is not None
        assert high is not None
        assert 30 <= low < high <= 3600


def test_the_other_side_s_wish_is_respected_however_long() -> None:
    assert wait_seconds(1, 0.5, 10_072) == 10_072


@pytest.mark.data
def test_at_night_warnings_wait_for_the_morning_and_critical_ones_pass(
    owner: Owner, receiver: Receiver
) -> None:
    owner.webhook(receiver.url, quiet=Quiet("22:00", "07:00", "America/Sao_Paulo"))
    owner.clock.now = at("2026-11-20 03:00")  # midnight there
    owner.tell(Kind.MEMBER_OFFLINE)
    owner.tell(Kind.POOL_CRITICAL)
    assert owner.send() == 1
    owner.tell(Kind.POOL_RECOVERED)  # who was woken may sleep on
    owner.tell(Kind.MEMBER_ONLINE)
    assert owner.send() == 1
    assert b"pool_recovered" in receiver.posts[1].body
    owner.clock.now = at("2026-11-20 09:59")
    assert owner.send(0) == 0
    assert owner.send(60) == 1
    assert b"member_offline" in receiver.posts[2].body
    assert b"member_online" in receiver.posts[2].body


def test_critical_ones_wait_too_where_that_was_chosen(owner: Owner, receiver: Receiver) -> None:
    owner.webhook(receiver.url, quiet=Quiet("22:00", "07:00", "America/Sao_Paulo", critical_passes=False))
    owner.clock.now = at("2026-11-20 03:00")
    owner.tell(Kind.POOL_CRITICAL)
    assert owner.send() == 0
    assert [row.hold for row in owner.deliveries()] == ["quiet"]
