"""The status of a pool by A4's formulas, and uptime from transitions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import Click, MemberStatus, PoolBot
from services.core.errors import NotFound
from services.core.times import utc_now
from services.fleet.health.uptime import Window, uptime_percent
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.reporting.analytics.figures import percent_text
from services.reporting.pool_status import pool_status
from tests.services.fleet.health.world import add_account, add_bot, add_pool, moment


@pytest.mark.data
def test_the_figures_follow_the_formulas(platform: Platform) -> None:
    now = utc_now()
    with platform.database.transaction() as session:
        account = add_account(session)
        bots = [add_bot(session, account, number) for number in range(1, 6)]
        pool = add_pool(session, account, bots)
        members = session.scalars(select(PoolBot).order_by(PoolBot.id)).all()
        for member, status in zip(members, ("online", "online", "banned", "offline", "online"), strict=True):
            member.status = status
            member.capacity_per_hour = 10
        members[4].draining = True
        members[0].slow_start_at = now - timedelta(seconds=30)
        for number, (bot, age, counted) in enumerate(
            [(bots[0].id, 1, True)] * 9
            + [(bots[1].id, 59, True)] * 5
            + [(bots[1].id, 61, True), (bots[0].id, 5, False), (None, 5, True)]
        ):
            session.add(
                Click(
                    id=f"c{number}",
                    at=now - timedelta(minutes=age),
                    account_id=account.id,
                    pool_id=pool.id,
                    bot_id=bot,
                    counted=counted,
                )
            )
        caller = Principal(account.id, "account:1")
        pool_id = pool.id
    platform.redis.set(keys.rotation(pool_id), "1")

    found = pool_status(platform, caller, pool_id, now=now)
    assert (found.health, found.online_bots, found.total_bots) == (50, 2, 4)
    assert (found.redirects_hour, found.answered_hour, found.success_rate) == (15, 14, 93.3)
    assert (found.capacity_used, found.capacity_available) == ("75%", "50%")
    first, second, *others = found.members
    assert (first.redirects_hour, first.share, first.slow_start_percent) == (9, 60.0, 55)
    assert second.slow_start_percent == 100
    # The slow one gives its second turn away, to the other: the next of its own is the fourth click.
    assert (first.rotation_position, second.rotation_position) == (4, 1)
    assert [member.rotation_position for member in others] == [None] * 3
    assert found.as_json()["members"][2]["status"] == "banned"
    assert found.last_sweep_age_seconds is None


@pytest.mark.data
def test_a_pool_without_members_has_no_health_and_strangers_see_none(platform: Platform) -> None:
    with platform.database.transaction() as session:
        account, stranger = add_account(session), add_account(session)
        pool = add_pool(session, account, [])
    status = pool_status(platform, Principal(account.id, "a"), pool.id)
    assert (status.health, status.total_bots, status.capacity_used, status.success_rate) == (0, 0, "0%", None)
    with pytest.raises(NotFound):
        pool_status(platform, Principal(stranger.id, "a"), pool.id)


def test_health_is_rounded_down(platform: Platform) -> None:
    with platform.database.transaction() as session:
        account = add_account(session)
        bots = [add_bot(session, account, number) for number in range(1, 4)]
        pool = add_pool(session, account, bots)
        session.scalars(select(PoolBot)).first().status = MemberStatus.DEGRADED  # type: ignore[union-attr]
    assert pool_status(platform, Principal(account.id, "a"), pool.id).health == 66


@pytest.mark.parametrize(
    ("moves", "status", "expected"),
    [
        ([], "online", 100.0),
        ([], "offline", 0.0),
        ([], "checking", None),
        ([(50, "online", "offline")], "offline", 50.0),
        ([(20, "checking", "online"), (60, "online", "offline"), (80, "offline", "online")], "online", 75.0),
        ([(10, "online", "degraded"), (20, "degraded", "online")], "online", 100.0),
    ],
)
def test_uptime_is_the_share_of_watched_time(
    moves: list[tuple[int, str, str]], status: str, expected: float | None
) -> None:
    told = [(moment(at), before, after) for at, before, after in moves]
    assert uptime_percent(told, status, Window(moment(0), moment(100))) == expected


def test_more_traffic_than_no_capacity_is_full() -> None:
    assert [percent_text(3, 4), percent_text(5, 4), percent_text(1, 0), percent_text(0, 0)] == [
        "75%",
        "125%",
        "100%",
        "0%",
    ]
