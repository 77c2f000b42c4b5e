"""When an owner hears that a pool is critical, and that it is back: by health alone, whatever moved it."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from models import Account, MemberStatus, PoolBot, RedirectPool
from services.fleet.bots.registry import delete_bot
from services.fleet.health.alerts import alert_changes
from services.fleet.health.breaker import CONVERSION_CAUSE, DELIVERY_CAUSE, Cause, CheckOutcome, Health
from services.fleet.health.layers import EffectiveStatus, move
from services.fleet.health.members import apply_outcomes
from services.fleet.health.pool_health import refresh_pool_health
from services.fleet.pools.fields import MemberChange, NewMember, PoolChange
from services.fleet.pools.members import add_member, remove_member, update_member
from services.fleet.pools.pools import update_pool
from services.platform.platform import Platform
from tests.services.fleet.health.world import Fleet, add_bot, pool_in_tables

DEAD = CheckOutcome(Health.DEAD, Cause.UNAUTHORIZED)


def of_the_pool(fleet: Fleet) -> list[str]:
    """What was told of the pool itself, in a word each."""
    begins = {"🚨 CRÍTICO": "critical", "✅ Pool": "recovered"}
    return [word for text in fleet.told() for begin, word in begins.items() if text.startswith(begin)]


def lose(fleet: Fleet, *which: int) -> None:
    for _ in range(2):
        with fleet.platform.database.transaction() as session:
            apply_outcomes(session, {fleet.bot_ids[index]: DEAD for index in which}, fleet.clock())
        fleet.clock.pause(4)


@pytest.mark.data
def test_a_pool_repaired_by_hand_has_recovered_and_can_become_critical_again(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 3)
    lose(fleet, 0, 1)
    assert of_the_pool(fleet) == ["critical"]
    remove_member(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[0])
    assert of_the_pool(fleet) == ["critical", "recovered"], "1 of 2"
    delete_bot(platform, fleet.caller, fleet.bot_ids[1])
    lose(fleet, 2)
    assert of_the_pool(fleet) == ["critical", "recovered", "critical"]


@pytest.mark.data
@pytest.mark.parametrize(
    "change",
    [{"is_enabled": False}, {"draining": True}, {"weight": 0}],
    ids=["disabled", "drained", "weight 0"],
)
def test_taking_the_living_out_by_hand_is_critical_and_giving_them_back_recovers(
    platform: Platform, change: dict[str, object]
) -> None:
    fleet = pool_in_tables(platform, 4)
    lose(fleet, 0, 1)
    assert of_the_pool(fleet) == []
    update_member(
        platform, fleet.caller, fleet.pool_id, fleet.bot_ids[2], MemberChange.model_validate(change)
    )
    assert of_the_pool(fleet) == ["critical"]
    back = {"is_enabled": True, "draining": False, "weight": 1}
    update_member(platform, fleet.caller, fleet.pool_id, fleet.bot_ids[2], MemberChange.model_validate(back))
    assert of_the_pool(fleet) == ["critical", "recovered"]


@pytest.mark.data
@pytest.mark.parametrize("cause", [CONVERSION_CAUSE, DELIVERY_CAUSE])
def test_a_pool_whose_members_another_layer_takes_out_is_critical(platform: Platform, cause: str) -> None:
    fleet = pool_in_tables(platform, 2)
    with platform.database.transaction() as session:
        members = session.scalars(select(PoolBot)).all()
        changes = [
            change
            for member in members
            for change in move(session, member, EffectiveStatus(MemberStatus.DEGRADED, cause), fleet.clock())
        ]
        alert_changes(session, changes, refresh_pool_health(session, [fleet.pool_id]))
    assert of_the_pool(fleet) == ["critical"]


@pytest.mark.data
def test_the_owner_says_below_what_health_a_pool_is_critical(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 4)
    update_pool(platform, fleet.caller, fleet.pool_id, PoolChange(critical_below_percent=80))
    lose(fleet, 0)
    assert of_the_pool(fleet) == ["critical"], "75 %"
    update_pool(platform, fleet.caller, fleet.pool_id, PoolChange(critical_below_percent=75))
    assert of_the_pool(fleet) == ["critical", "recovered"], "at once"
    update_pool(platform, fleet.caller, fleet.pool_id, PoolChange(critical_below_percent=0))
    lose(fleet, 1, 2, 3)
    assert of_the_pool(fleet) == ["critical", "recovered"], "never"
    update_pool(platform, fleet.caller, fleet.pool_id, PoolChange(critical_below_percent=1))
    assert of_the_pool(fleet) == ["critical", "recovered", "critical"]


def test_members_in_doubt_are_waited_for(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 1)
    with platform.database.transaction() as session:
        pool = session.get_one(RedirectPool, fleet.pool_id)
        new = [add_bot(session, session.get_one(Account, pool.account_id), number).id for number in (7, 8)]
        session.execute(update(PoolBot).values(status="checking"))
    for bot_id in new:
        add_member(platform, fleet.caller, fleet.pool_id, NewMember(bot_id=bot_id))
    assert of_the_pool(fleet) == [], "nobody has been checked yet"
    with platform.database.transaction() as session:
        session.execute(update(PoolBot).values(status="online"))
        outcomes = dict.fromkeys([*fleet.bot_ids, *new], DEAD)
        apply_outcomes(session, outcomes, fleet.clock())
    assert of_the_pool(fleet) == [], "each will be asked again in three seconds"
    fleet.clock.pause(4)
    with platform.database.transaction() as session:
        apply_outcomes(session, outcomes, fleet.clock())
    assert of_the_pool(fleet) == ["critical"]
