"""What the clock does to broadcasts: schedules, series and quiet hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from models import Broadcast, BroadcastRecipient, Lead
from services.core.times import utc_now
from services.messaging.broadcasts.due import keep_quiet, needs_work, start_due
from services.messaging.broadcasts.lifecycle import pause, start, stop
from services.messaging.broadcasts.preparing import prepare_slice
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import broadcast_keys
from tests.services.messaging.broadcasts.conftest import Meet, rows, status_of

Make = Callable[..., Broadcast]
HOUR = timedelta(hours=1)
QUIET_NIGHT = {"begin": "22:00", "end": "08:00", "time_zone": "UTC"}


def _children(platform: Platform, series: Broadcast) -> list[Broadcast]:
    query = select(Broadcast).where(Broadcast.parent_id == series.id).order_by(Broadcast.id)
    with platform.database.reading() as session:
        return list(session.scalars(query))


def _turn(platform: Platform, series: Broadcast, now: datetime) -> list[int]:
    """Whom the turn of that moment is for."""
    start_due(platform, now)
    *_, child = _children(platform, series)
    while prepare_slice(platform, child.id):
        pass
    return sorted(rows(platform, child))


def test_a_scheduled_broadcast_is_prepared_at_its_time_and_not_before(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    meet(1)
    made, now = make(), utc_now()
    start(platform, caller, made.id, now + HOUR)
    start_due(platform, now)
    with platform.database.reading() as session:
        assert not needs_work(session, now)
        assert needs_work(session, now + HOUR)
    assert status_of(platform, made) == "scheduled"
    start_due(platform, now + HOUR)
    assert status_of(platform, made) == "preparing"


def test_a_series_takes_a_turn_each_time_and_nobody_gets_two(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    first = meet(2)
    series, now = make(every_hours=24), utc_now()
    start(platform, caller, series.id)
    assert _turn(platform, series, now + HOUR) == sorted(first)
    late = meet(1)
    start_due(platform, now + 2 * HOUR)
    assert len(_children(platform, series)) == 1, "its next turn is tomorrow"
    assert _turn(platform, series, now + 74 * HOUR) == late
    assert len(_children(platform, series)) == 2, "turns that were missed are one"
    assert status_of(platform, series) == "scheduled"


def test_a_turn_for_the_new_leaves_out_who_was_there_before_the_last(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    old, new = meet(2)
    series, now = make(every_hours=24, only_new=True, once_per_person=False), utc_now()
    with platform.database.transaction() as session:
        session.execute(update(Lead).where(Lead.telegram_id == old).values(first_interaction=now - 30 * HOUR))
    start(platform, caller, series.id)
    assert _turn(platform, series, now + HOUR) == [new]


@pytest.mark.data
def test_quiet_hours_pause_a_broadcast_and_let_it_go_on_but_not_what_somebody_paused(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    meet(1)
    quiet = {"begin": "22:00", "end": "08:00", "time_zone": "America/Sao_Paulo"}
    made = make(quiet=quiet)
    start(platform, caller, made.id)
    while prepare_slice(platform, made.id):
        pass
    night = datetime.fromisoformat("2026-11-28T03:00:00+00:00")  # midnight in São Paulo
    keep_quiet(platform, made.id, night - 6 * HOUR)
    assert status_of(platform, made) == "running"
    keep_quiet(platform, made.id, night)
    assert status_of(platform, made) == "paused"
    assert platform.redis.exists(broadcast_keys.halted(made.id))
    with platform.database.reading() as session:
        assert needs_work(session, night)
    keep_quiet(platform, made.id, night + 8 * HOUR)
    assert status_of(platform, made) == "running"
    assert not platform.redis.exists(broadcast_keys.halted(made.id))
    pause(platform, caller, made.id)
    keep_quiet(platform, made.id, night + 8 * HOUR)
    assert status_of(platform, made) == "paused"


def test_who_comes_while_a_turn_for_the_new_is_prepared_is_left_to_the_next(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    (person,) = meet(1)
    series, now = make(every_hours=24, only_new=True, once_per_person=False), utc_now()
    with platform.database.transaction() as session:
        session.execute(update(Lead).values(first_interaction=now + 2 * HOUR))
    start(platform, caller, series.id)
    assert _turn(platform, series, now + HOUR) == []
    assert _turn(platform, series, now + 25 * HOUR) == [person]


def test_whom_a_stopped_turn_left_waiting_gets_the_next_one(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    got, left = sorted(meet(2))
    series, now = make(every_hours=24), utc_now()
    start(platform, caller, series.id)
    assert _turn(platform, series, now + HOUR) == [got, left]
    (first,) = _children(platform, series)
    with platform.database.transaction() as session:
        session.execute(
            update(BroadcastRecipient).where(BroadcastRecipient.telegram_id == got).values(status="sent")
        )
    stop(platform, caller, first.id)
    assert _turn(platform, series, now + 25 * HOUR) == [left]


def test_a_pause_in_quiet_hours_outlasts_them(
    platform: Platform, meet: Meet, make: Make, caller: Principal
) -> None:
    meet(1)
    made, night = make(quiet=QUIET_NIGHT), datetime.fromisoformat("2030-01-01T23:00:00+00:00")
    start(platform, caller, made.id)
    prepare_slice(platform, made.id)
    keep_quiet(platform, made.id, night)
    pause(platform, caller, made.id)
    keep_quiet(platform, made.id, night + 12 * HOUR)
    assert status_of(platform, made) == "paused"
