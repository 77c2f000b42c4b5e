"""A member that its owner drains is shown as draining wherever its state is: now, in reports, and in a click of the past."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from models import AuditEvent, Click, MemberStatus
from services.core.times import utc_now
from services.fleet.pools.fields import MemberChange
from services.fleet.pools.members import update_member
from services.fleet.pools.switches import State, Switches, switched_state
from services.platform.platform import Platform
from services.reporting.analytics.period import period
from services.reporting.analytics.pool import pool_analytics
from services.reporting.analytics.pool_live import pool_live
from services.reporting.analytics.report import By
from services.reporting.analytics.series import Span
from services.reporting.pool_status import pool_status
from services.traffic.clicks.dry_run import dry_run
from services.traffic.clicks.explain import explain_click
from services.traffic.clicks.flush import flush
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import ENVIRON, click, unstarted


def test_a_switch_speaks_before_a_state_but_not_before_a_ban() -> None:
    assert switched_state("online", Switches(True, False, 1)) == "online"
    assert switched_state("online", Switches(True, True, 1)) == "draining"
    assert switched_state("online", Switches(True, False, 0)) == "draining"
    assert switched_state("offline", Switches(False, False, 1)) == "disabled"
    assert switched_state("banned", Switches(False, True, 0)) == "banned"


def test_every_status_is_a_state() -> None:
    assert {*MemberStatus} < {*State}


@pytest.mark.parametrize(
    ("change", "state"),
    [({"draining": True}, "draining"), ({"weight": 0}, "draining"), ({"is_enabled": False}, "disabled")],
)
def test_a_switch_is_told_by_status_report_live_page_and_dry_run(
    platform: Platform, change: dict[str, Any], state: str
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2)
    bot_id = pool.members[0].bot_id
    update_member(platform, owner, pool.id, bot_id, MemberChange(**change))
    week = period("", "", "", utc_now())
    told = [
        pool_status(platform, owner, pool.id).as_json()["members"],
        pool_live(platform, owner, pool.id, Span.HOUR)["status"]["members"],
        [
            {"bot_id": one.bot_id, "state": one.state}
            for one in pool_analytics(platform, owner, pool.id, week, By.DAY).members
        ],
        dry_run(platform, unstarted(platform), owner, "red1", ENVIRON)["members"],
    ]
    for members in told:
        assert [one["state"] for one in members] == [state, "online"]


def test_an_explanation_tells_the_switches_of_the_clicks_moment(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 3)
    first, second, third = (member.bot_id for member in pool.members)
    road = unstarted(platform)

    def change(bot_id: int, **wanted: Any) -> None:
        update_member(platform, owner, pool.id, bot_id, MemberChange(**wanted))
        road.book.refresh()

    for step in range(4):
        click(road)
        if step == 0:
            change(first, draining=True)
            change(third, weight=5)  # no switch
        if step == 1:
            change(first, draining=True)  # said again: nothing changes
            change(first, draining=False)
            change(second, weight=0, capacity_per_hour=9)
        if step == 2:
            change(second, weight=1)
            change(third, is_enabled=False)
    flush(platform)
    with platform.database.reading() as session:
        clicks = session.scalars(select(Click.id).order_by(Click.at)).all()
    told = [[one["state"] for one in explain_click(platform, owner, each)["members"]] for each in clicks]
    assert told == [
        ["online", "online", "online"],
        ["draining", "online", "online"],
        ["online", "draining", "online"],
        ["online", "online", "disabled"],
    ]


def test_the_audit_keeps_what_a_switch_was(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 1)
    for wanted in ({"draining": True, "priority": 1}, {"draining": True}):
        update_member(platform, owner, pool.id, pool.members[0].bot_id, MemberChange(**wanted))
    with platform.database.reading() as session:
        kept = session.scalars(
            select(AuditEvent.details).where(AuditEvent.kind == "member_updated").order_by(AuditEvent.id)
        ).all()
    assert kept == [{"draining": True, "priority": 1, "before": {"draining": False}}, {"draining": True}]
