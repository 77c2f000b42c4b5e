"""The job of the conversion signal on real tables: what is usual, who is suspected, who returns, who was never to blame."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import insert, select, update

from models import (
    Bot,
    Click,
    Conversion,
    ConversionHour,
    MemberStatus,
    PoolBot,
    PoolBotTransition,
    RedirectPool,
)
from services.core.times import hour_of, utc_now
from services.fleet.health import conversion_signal
from services.fleet.health.conversion import LONGEST_LAG
from services.fleet.health.conversion_hours import judge_anew
from services.fleet.health.conversion_signal import evaluate_conversion
from services.fleet.health.evaluation import apply_evaluation
from services.fleet.pools.model import from_json
from services.platform.platform import Platform
from services.platform.redis import keys
from services.reporting.pool_status import pool_status
from tests.services.fleet.health.world import Fleet, Moving, pool_in_tables

HOUR = timedelta(hours=1)
_numbers = count(1)


def pool_of(platform: Platform, members: int) -> Fleet:
    """A pool, in the middle of an hour."""
    fleet = pool_in_tables(platform, members)
    fleet.clock = Moving(hour_of(utc_now()) + timedelta(minutes=30))
    return fleet


def send(fleet: Fleet, index: int, started: Sequence[bool], begin: datetime, every: float = 1.0) -> None:
    """Clicks to one member, one each `every` seconds, with or without a start ten seconds later."""
    with fleet.platform.database.transaction() as session:
        clicks = [
            {
                "id": f"c{next(_numbers)}",
                "at": (at := begin + timedelta(seconds=every * number)),
                "account_id": fleet.caller.account_id,
                "pool_id": fleet.pool_id,
                "bot_id": fleet.bot_ids[index],
                "started_at": at + timedelta(seconds=10) if has_started else None,
            }
            for number, has_started in enumerate(started)
        ]
        if clicks:
            # Nulls are written: left out, they would part rows that take turns into one statement each.
            session.execute(insert(Click).execution_options(render_nulls=True), clicks)


def teach(fleet: Fleet) -> None:
    """A day in which every second click started, 60 an hour; learnt by a look, which also begins to judge.

    The hours before it are known to be written: that a whole week is made up for has a test of its own.
    """
    send_a_day(fleet)
    fleet.platform.redis.set(keys.conversion_hours(), int((hour_of(fleet.clock()) - 14 * HOUR).timestamp()))
    learn_the_week(fleet)


def send_a_day(fleet: Fleet) -> None:
    """Ten hours of clicks to every member, up to two hours ago."""
    for index in range(len(fleet.bot_ids)):
        send(fleet, index, [True, False] * 300, fleet.clock() - 12 * HOUR, every=60)


def learn_the_week(fleet: Fleet) -> None:
    """A week is made up for in portions, one each look; looks until the last hour that has matured is written."""
    last = hour_of(fleet.clock() - timedelta(seconds=LONGEST_LAG)) - HOUR
    for _ in range(20):
        evaluate_conversion(fleet.platform, now=fleet.clock())
        if int(fleet.platform.redis.get(keys.conversion_hours()) or 0) == int(last.timestamp()):
            return
    raise AssertionError("the week was not made up for")


def pass_by(fleet: Fleet, rates: Sequence[Sequence[bool]]) -> None:
    """Each member gets its clicks now, a second apart; they mature, and a look follows."""
    for index, started in enumerate(rates):
        send(fleet, index, started, fleet.clock() + timedelta(seconds=1))
    fleet.clock.pause(max(len(started) for started in rates) + 61)
    evaluate_conversion(fleet.platform, now=fleet.clock())


def known(fleet: Fleet, index: int) -> Conversion:
    with fleet.platform.database.reading() as session:
        return session.get_one(Conversion, fleet.member(index).id)


WELL = [True, False] * 20
DEAD = [False] * 40


@pytest.mark.data
def test_what_is_usual_is_learnt_from_hours_that_are_written_once(platform: Platform) -> None:
    fleet = pool_of(platform, 2)
    send_a_day(fleet)
    learn_the_week(fleet)
    row = known(fleet, 0)
    assert (row.clicks, row.starts, row.busiest_hour, row.lag_seconds) == (600, 300, 60, 60)
    with platform.database.reading() as session:
        hours = session.scalars(select(ConversionHour).where(ConversionHour.pool_bot_id == row.pool_bot_id))
        assert sum(hour.clicks for hour in hours) == 600
    platform.redis.delete(keys.conversion_hours())
    learn_the_week(fleet)
    assert known(fleet, 0).clicks == 600, "a week that is redone adds nothing"


@pytest.mark.data
def test_two_dead_of_six_are_suspected_and_come_back_by_three_starts(platform: Platform) -> None:
    fleet = pool_of(platform, 6)
    teach(fleet)
    pass_by(fleet, [WELL, DEAD, WELL, WELL, DEAD, WELL])
    assert fleet.statuses() == ["online", "suspect", "online", "online", "suspect", "online"]
    assert fleet.member(1).status_cause == "conversion"
    text = platform.redis.hget(keys.pool_snapshot(), str(fleet.pool_id))
    kept = {one.bot_id: one.trickle for one in from_json(str(text)).members}
    assert kept[fleet.bot_ids[1]] == 1.0, "at 40 clicks an hour, one a minute is all"

    pass_by(fleet, [WELL, [True, False], WELL, WELL, [True, True, True], WELL])
    assert fleet.statuses() == ["online", "suspect", "online", "online", "online", "online"]
    assert fleet.member(4).slow_start_at == fleet.clock()
    pass_by(fleet, [WELL, [True, False, True], WELL, WELL, WELL, WELL])
    assert fleet.statuses() == ["online"] * 6
    assert known(fleet, 1).run == 0
    names = fleet.names
    assert [text.split("\n")[0] for text in fleet.told()] == [
        f"⚠️ Bot @{names[1]} do pool 'P' está sob suspeita: cliques não viram /start.",
        f"⚠️ Bot @{names[4]} do pool 'P' está sob suspeita: cliques não viram /start.",
        f"✅ Bot @{names[4]} voltou ao normal no pool 'P'",
        f"✅ Bot @{names[1]} voltou ao normal no pool 'P'",
    ]
    with platform.database.reading() as session:
        walk = session.scalars(select(PoolBotTransition).order_by(PoolBotTransition.id))
        assert [(row.to_status, row.cause) for row in walk] == [
            ("suspect", "conversion"),
            ("suspect", "conversion"),
            ("online", "conversion_recovered"),
            ("online", "conversion_recovered"),
        ]


@pytest.mark.data
def test_when_all_fall_together_nobody_leaves_and_the_owner_hears_of_traffic_or_offer(
    platform: Platform,
) -> None:
    fleet = pool_of(platform, 3)
    teach(fleet)
    pass_by(fleet, [DEAD, DEAD, DEAD])
    assert fleet.statuses() == ["online"] * 3
    assert fleet.pool().conversion_alarm_at == fleet.clock()
    pass_by(fleet, [DEAD, DEAD, DEAD])
    for _ in range(12):
        pass_by(fleet, [WELL, WELL, WELL])
    assert fleet.pool().conversion_alarm_at is None
    assert fleet.statuses() == ["online"] * 3
    assert fleet.told() == [
        "⚠️ Tráfego ou oferta: todos os bots do pool 'P' caíram juntos em conversão. Nenhum bot foi retirado.",
        "✅ A conversão do pool 'P' voltou ao normal.",
    ]


def take_over(fleet: Fleet, index: int) -> None:
    """What becomes of a bot's row when another Telegram bot takes its place, as far as conversion is concerned."""
    with fleet.platform.database.transaction() as session:
        judge_anew(session, fleet.bot_ids[index])
        bot = session.get_one(Bot, fleet.bot_ids[index])
        bot.identity, bot.identity_since = bot.identity + 1, fleet.clock()


@pytest.mark.data
def test_another_identity_is_judged_by_its_own_clicks_alone(platform: Platform) -> None:
    fleet = pool_of(platform, 6)
    teach(fleet)
    for index in range(6):
        send(fleet, index, DEAD if index == 1 else WELL, fleet.clock() + timedelta(seconds=1))
    fleet.clock.pause(101)
    view = conversion_signal._view(platform, fleet.clock())  # a look begins,
    decisions = conversion_signal._decide(view, fleet.clock())
    take_over(fleet, 1)
    apply_evaluation(platform, view, decisions, fleet.clock(), learned=False)  # and ends after the change
    assert fleet.statuses() == ["online"] * 6
    view = conversion_signal._view(platform, fleet.clock())  # one that had given each member a row before it
    apply_evaluation(platform, view, {}, fleet.clock(), learned=False)
    evaluate_conversion(platform, now=fleet.clock())
    assert fleet.statuses() == ["online"] * 6
    row = known(fleet, 1)
    assert (row.verdict, row.run, row.clicks, row.learned_at) == ("", 0, 0, None)
    send(fleet, 1, WELL, fleet.clock() + timedelta(seconds=1))
    fleet.clock.pause(2 * 3600)
    evaluate_conversion(platform, now=fleet.clock())
    assert (known(fleet, 1).clicks, known(fleet, 1).starts) == (len(WELL), len(WELL) // 2)
    assert known(fleet, 0).clicks > 600

    with platform.database.transaction() as session:
        session.execute(update(Conversion).values(verdict="suspect", verdict_at=fleet.clock()))
    take_over(fleet, 1)
    evaluate_conversion(platform, now=fleet.clock())
    assert (known(fleet, 1).verdict, known(fleet, 2).verdict) == ("", "suspect")


@pytest.mark.data
def test_half_the_usual_rate_degrades_holds_and_ends_by_a_trial(platform: Platform) -> None:
    fleet = pool_of(platform, 4)
    teach(fleet)
    poor = [True, *[False] * 9] * 4
    for _ in range(25):
        pass_by(fleet, [WELL, WELL, WELL, poor])
        if fleet.statuses()[3] != "online":
            break
    assert (fleet.statuses(), fleet.member(3).status_cause) == (["online"] * 3 + ["degraded"], "conversion")
    assert known(fleet, 3).hold_seconds == 600
    fleet.clock.pause(600)
    pass_by(fleet, [WELL, WELL, WELL, []])
    assert fleet.statuses()[3] == "suspect", "on trial, with a trickle"
    pass_by(fleet, [WELL, WELL, WELL, [False] * 30])
    assert (fleet.statuses()[3], known(fleet, 3).hold_seconds) == ("degraded", 1200)
    fleet.clock.pause(1200)
    pass_by(fleet, [WELL, WELL, WELL, []])
    pass_by(fleet, [WELL, WELL, WELL, WELL])
    assert fleet.statuses() == ["online"] * 4
    assert known(fleet, 3).hold_seconds == 0


@pytest.mark.data
def test_nothing_is_judged_without_tracking_and_untracked_clicks_never_count(platform: Platform) -> None:
    fleet = pool_of(platform, 3)
    teach(fleet)
    with platform.database.transaction() as session:
        session.execute(update(RedirectPool).values(tracking=False))
    pass_by(fleet, [WELL, DEAD, WELL])
    with platform.database.transaction() as session:
        session.execute(update(RedirectPool).values(tracking=True))
    evaluate_conversion(platform, now=fleet.clock())
    assert fleet.statuses() == ["online"] * 3
    assert known(fleet, 1).run == 0


def test_while_updates_wait_missing_starts_prove_nothing(platform: Platform) -> None:
    fleet = pool_of(platform, 3)
    teach(fleet)
    late = int((utc_now() - timedelta(minutes=5)).timestamp() * 1000)
    platform.redis.xadd(keys.update_lane(0), {"u": "1"}, id=f"{late}-0")
    pass_by(fleet, [WELL, DEAD, WELL])
    assert fleet.statuses() == ["online"] * 3
    platform.redis.delete(keys.update_lane(0))
    evaluate_conversion(platform, now=fleet.clock())
    assert fleet.statuses() == ["online", "suspect", "online"], "once nothing waits, the same clicks count"


def test_a_member_that_was_away_begins_anew(platform: Platform) -> None:
    fleet = pool_of(platform, 3)
    teach(fleet)
    pass_by(fleet, [WELL, DEAD, WELL])
    assert fleet.statuses()[1] == "suspect"
    with platform.database.transaction() as session:
        session.execute(
            update(PoolBot).where(PoolBot.id == fleet.member(1).id).values(status=MemberStatus.OFFLINE)
        )
    evaluate_conversion(platform, now=fleet.clock())
    assert (known(fleet, 1).verdict, known(fleet, 1).run, fleet.statuses()[1]) == ("", 0, "offline")


def test_a_second_process_looks_not_at_the_same_time(platform: Platform) -> None:
    platform.redis.set(keys.lease("conversion"), "another")
    assert not evaluate_conversion(platform)


@pytest.mark.data
def test_the_status_shows_three_layers(platform: Platform) -> None:
    fleet = pool_of(platform, 3)
    teach(fleet)
    pass_by(fleet, [WELL, DEAD, WELL])
    members = pool_status(platform, fleet.caller, fleet.pool_id, now=fleet.clock()).as_json()["members"]
    layers = members[1]["layers"]
    assert (layers["identity"]["state"], layers["delivery"]["state"]) == ("online", "unknown")
    shown = layers["conversion"]
    assert (shown["state"], shown["baseline"], shown["run"], shown["matured_clicks"]) == (
        "suspect",
        0.5,
        40,
        600,
    )
    assert shown["run"] >= shown["run_limit"]
    well = members[0]["layers"]["conversion"]
    assert (well["state"], well["rate"], well["recent_clicks"]) == ("ok", 0.5, 40)
