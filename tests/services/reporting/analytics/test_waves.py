"""A ban wave's timeline: what the losses, the owner and the clicks leave to be read afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import delete, update

from models import AuditEvent, BanWave, Click, Notification, PoolBot, RedirectPool
from services.alerts.notifications.links import link_of, path_of
from services.core.errors import NotFound
from services.core.times import iso, utc_now
from services.fleet.health.breaker import CheckOutcome, Health
from services.fleet.health.members import apply_outcomes
from services.fleet.health.wave import revert_wave
from services.fleet.pools.members import remove_member
from services.platform.accounts.principal import Principal
from services.platform.accounts.trail import note
from services.platform.platform import Platform
from services.reporting.analytics.wave_timeline import MinuteView, WaveTimelineView, rates, wave_timeline
from services.reporting.analytics.waves import WaveView, list_waves, standing_wave
from tests.services.fleet.health.test_wave import DEAD, lose, with_spares
from tests.services.fleet.health.world import Fleet, add_account
from tests.services.fleet.pools.fleet import new_account

GOOD = CheckOutcome(Health.GOOD, ms=5)
_numbers = count()


def look(fleet: Fleet, outcome: CheckOutcome, *which: int) -> None:
    with fleet.platform.database.transaction() as session:
        apply_outcomes(session, {fleet.bot_ids[index]: outcome for index in which}, fleet.clock())


def click(fleet: Fleet, at: datetime, bot_id: int | None, counted: bool = True) -> None:
    with fleet.platform.database.transaction() as session:
        session.add(
            Click(
                id=f"wave{next(_numbers):08d}",
                at=at,
                account_id=fleet.caller.account_id,
                pool_id=fleet.pool_id,
                bot_id=bot_id,
                counted=counted,
            )
        )


def told(fleet: Fleet, wave_id: int) -> WaveTimelineView:
    return wave_timeline(fleet.platform, fleet.caller, fleet.pool_id, wave_id, now=fleet.clock())


def waves(fleet: Fleet) -> list[WaveView]:
    return list_waves(fleet.platform, fleet.caller, fleet.pool_id)


def kinds(timeline: WaveTimelineView) -> list[tuple[str, int | None]]:
    return [(one["kind"], one.get("bot_id")) for one in timeline["events"] if one["kind"] != "alert"]


@pytest.mark.data
def test_a_wave_tells_who_was_lost_why_who_stepped_in_and_who_came_back(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 1)
    one, two, spare = fleet.bot_ids
    lose(fleet, 0, 1)
    [standing] = waves(fleet)
    assert [(bot["bot_id"], bot["cause"]) for bot in standing["lost"]] == [
        (one, "unauthorized"),
        (two, "unauthorized"),
    ]
    assert [bot["bot_id"] for bot in standing["promoted"]] == [spare]
    assert (standing["is_standing"], standing["recovered_at"]) == (True, None)
    fleet.clock.pause(121)
    look(fleet, DEAD, 0)
    for _ in range(2):
        look(fleet, GOOD, 1)
        fleet.clock.pause(4)
    assert fleet.statuses() == ["banned", "online", "online"]
    found = told(fleet, standing["id"])
    assert kinds(found) == [("lost", one), ("lost", two), ("promoted", spare), ("banned", one), ("back", two)]
    fates = {bot["bot_id"]: (bot["is_banned"], bot["back_at"] is not None) for bot in found["lost"]}
    assert fates == {one: (True, False), two: (False, True)}
    assert found["recovered_at"] is None
    alerts = [str(event["text"]) for event in found["events"] if event["kind"] == "alert"]
    assert sum(text.startswith("🌊") for text in alerts) == 1
    assert sum("was banned" in text for text in alerts) == 1


@pytest.mark.data
def test_clicks_are_told_by_the_minute_before_during_and_after(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 1)
    fleet.clock.now = fleet.clock.now.replace(second=10, microsecond=0)
    lose(fleet, 0, 1)
    [wave] = waves(fleet)
    lost_at = datetime.fromisoformat(wave["lost"][0]["at"])
    minute = lost_at.replace(second=0)
    for step in range(15):  # three a minute before, none of them lost
        for second in (1, 2, 3):
            click(fleet, minute - timedelta(minutes=15 - step, seconds=-second), fleet.bot_ids[0])
    click(fleet, minute - timedelta(minutes=15, seconds=1), fleet.bot_ids[0])  # before what is shown
    for step in range(5):
        click(fleet, minute + timedelta(minutes=step), None)
        click(fleet, minute + timedelta(minutes=step, seconds=1), fleet.bot_ids[2])
    click(fleet, minute, None, counted=False)
    fleet.clock.now = minute + timedelta(minutes=5, seconds=30)
    found = told(fleet, wave["id"])
    assert found["per_minute"] == {"before": 3.0, "during": 2.0, "after": None}
    by_phase = [each["phase"] for each in (found["minutes"] or [])]
    assert by_phase == ["before"] * 15 + ["during"] * 6
    assert [(each["clicks"], each["unanswered"]) for each in (found["minutes"] or [])[15:]] == [
        (2, 1)
    ] * 5 + [(0, 0)]


@pytest.mark.data
def test_a_wave_outlives_its_bots_and_says_that_they_were_removed(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 1)
    fleet.clock.pause(-600)  # people act by the real clock
    lose(fleet, 0, 1)
    [wave] = waves(fleet)
    remove_member(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[0])
    fleet.clock.pause(3600)
    found = told(fleet, wave["id"])
    assert [(bot["username"], bot["is_member"]) for bot in found["lost"]] == [
        (fleet.names[0], False),
        (fleet.names[1], True),
    ]
    assert ("member_removed", fleet.bot_ids[0]) in kinds(found)
    for _ in range(2):
        look(fleet, GOOD, 1)
        fleet.clock.pause(4)
    assert waves(fleet)[0]["recovered_at"] is not None, "who was removed is not waited for"


@pytest.mark.data
def test_what_another_account_did_to_a_former_pool_of_this_number_is_not_told(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 1)
    fleet.clock.pause(-600)  # people act by the real clock
    lose(fleet, 0, 1)
    [wave] = waves(fleet)
    remove_member(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[0])
    other = new_account(platform)
    with platform.database.transaction() as session:
        deed = {
            "kind": "member_removed",
            "actor": "-",
            "pool_id": fleet.pool_id,
            "bot_id": fleet.bot_ids[1],
        }
        note(session, AuditEvent(account_id=other.account_id, at=utc_now(), ip="", details={}, **deed))
    fleet.clock.pause(3600)
    found = told(fleet, wave["id"])
    assert [bot for kind, bot in kinds(found) if kind == "member_removed"] == [fleet.bot_ids[0]]


@pytest.mark.data
def test_a_lost_bot_that_is_removed_and_added_again_is_back_by_its_first_good_check(
    platform: Platform,
) -> None:
    fleet = with_spares(platform, 2, 0)
    lose(fleet, 0, 1)
    remove_member(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[0])
    with platform.database.transaction() as session:
        session.add(PoolBot(pool_id=fleet.pool_id, bot_id=fleet.bot_ids[0], status="checking"))
    assert [bot["back_at"] for bot in waves(fleet)[0]["lost"]] == [None, None]
    look(fleet, GOOD, 0)
    assert [bot["back_at"] is not None for bot in waves(fleet)[0]["lost"]] == [True, False]


@pytest.mark.data
def test_a_reverted_wave_is_closed_and_still_learns_who_came_back(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 1)
    lose(fleet, 0, 1)
    revert_wave(platform, fleet.caller, fleet.pool_id)
    [wave] = waves(fleet)
    assert (wave["is_standing"], wave["recovered_at"]) == (False, None)
    assert wave["reverted_at"] is not None
    fleet.clock.pause(200)
    for _ in range(2):
        look(fleet, GOOD, 0, 1)
        fleet.clock.pause(4)
    again = waves(fleet)[0]
    assert [bot["back_at"] is not None for bot in again["lost"]] == [True, True]
    assert again["recovered_at"] == again["lost"][0]["back_at"]
    fleet.clock.pause(700)
    lose(fleet, 0, 1)
    assert [one["is_standing"] for one in waves(fleet)] == [True, False], (
        "the next losses are a wave of their own"
    )


def test_a_bot_lost_twice_in_a_wave_is_one_bot_with_two_losses(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 0)
    lose(fleet, 0, 1)
    fleet.clock.pause(121)
    for _ in range(2):
        look(fleet, GOOD, 0)
        fleet.clock.pause(4)
    lose(fleet, 0)
    [wave] = waves(fleet)
    assert [(bot["bot_id"], bot["back_at"]) for bot in wave["lost"]] == [
        (fleet.bot_ids[0], None),
        (fleet.bot_ids[1], None),
    ]
    steps = [kind for kind, bot in kinds(told(fleet, wave["id"])) if bot == fleet.bot_ids[0]]
    assert steps == ["lost", "back", "lost"]


def test_a_wave_that_an_older_release_began_gets_its_page_with_the_next_loss(platform: Platform) -> None:
    fleet = with_spares(platform, 3, 0)
    with platform.database.transaction() as session:
        session.execute(update(RedirectPool).values(wave_at=fleet.clock()))
    with platform.database.reading() as session:
        assert (standing_wave(session, fleet.pool_id) or {})["id"] is None
    lose(fleet, 0)
    with platform.database.reading() as session:
        found = standing_wave(session, fleet.pool_id)
    assert found is not None
    assert (found["id"], found["lost"]) == (waves(fleet)[0]["id"], [fleet.bot_ids[0]])


def test_clicks_that_retention_deleted_are_unknown_and_not_zero(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 0)
    lose(fleet, 0, 1)
    [wave] = waves(fleet)
    fleet.clock.pause(181 * 86_400)
    found = told(fleet, wave["id"])
    assert found["minutes"] is None
    assert found["per_minute"] == {"before": None, "during": None, "after": None}
    assert kinds(found), "what happened is kept"


def test_another_account_s_wave_or_pool_is_not_found(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 0)
    lose(fleet, 0, 1)
    [wave] = waves(fleet)
    with platform.database.transaction() as session:
        stranger = add_account(session)
        mine = RedirectPool(account_id=stranger.id, name="Mine", slug="mine")
        session.add(mine)
    caller = Principal(stranger.id, f"account:{stranger.id}")
    for pool_id in (fleet.pool_id, mine.id):
        with pytest.raises(NotFound):
            wave_timeline(platform, caller, pool_id, wave["id"])
    with pytest.raises(NotFound):
        list_waves(platform, caller, fleet.pool_id)
    for wave_id in (wave["id"] + 1, 2**70):
        with pytest.raises(NotFound):
            told(fleet, wave_id)


def test_the_alert_of_a_wave_leads_to_its_page(platform: Platform) -> None:
    fleet = with_spares(platform, 2, 0)
    lose(fleet, 0, 1)
    [wave] = waves(fleet)
    page = f"/panel/pools/{fleet.pool_id}/waves/{wave['id']}"
    with platform.database.reading() as session:
        alert = session.query(Notification).where(Notification.kind == "ban_wave").one()
        loss = session.query(Notification).where(Notification.kind == "member_offline").first()
    assert loss is not None
    assert path_of(alert) == page
    assert link_of(alert, "https://flotilla.example") == f"https://flotilla.example{page}"
    assert link_of(alert, "") == ""
    assert (path_of(loss), link_of(loss, "https://flotilla.example")) == (f"/panel/pools/{fleet.pool_id}", "")


def test_the_minute_that_is_not_over_counts_in_no_rate() -> None:
    now = datetime.fromisoformat("2026-11-20T10:02:30+00:00")
    minutes: list[MinuteView] = [
        {"at": iso(now - ago), "clicks": clicks, "unanswered": 0, "phase": "during"}
        for ago, clicks in ((timedelta(minutes=2, seconds=30), 6), (timedelta(seconds=30), 1))
    ]
    assert rates(minutes, now) == {"before": None, "during": 6.0, "after": None}


def test_waves_are_listed_newest_first_and_by_pages(platform: Platform) -> None:
    fleet = with_spares(platform, 1, 0)
    with platform.database.transaction() as session:
        session.execute(delete(PoolBot))
        for minutes in range(3):
            at = fleet.clock() + timedelta(minutes=minutes)
            wave = BanWave(account_id=fleet.caller.account_id, pool_id=fleet.pool_id, began_at=at)
            session.add(wave)
            session.flush()
    newest, middle, oldest = (wave["id"] for wave in waves(fleet))
    assert newest > middle > oldest
    page = list_waves(platform, fleet.caller, fleet.pool_id, before=middle, limit=5)
    assert [wave["id"] for wave in page] == [oldest]
