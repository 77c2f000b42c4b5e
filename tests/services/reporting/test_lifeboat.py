"""What share of people stays reachable after the loss of one bot, and which pool has no spare."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import delete, update

from models import Bot, Lead, PoolBot
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue
from services.reporting import reach
from services.reporting.lifeboat import Advice, LifeboatView, lifeboat
from tests.services.fleet.health.world import Fleet, add_account, pool_in_tables


def meet(fleet: Fleet, person: int, *indexes: int, **facts: object) -> None:
    """The person knows these bots."""
    with fleet.platform.database.transaction() as session:
        for index in indexes:
            row = {"account_id": fleet.caller.account_id, "bot_id": fleet.bot_ids[index]}
            session.add(Lead(**row, telegram_id=person, **facts))


def counted(fleet: Fleet) -> LifeboatView:
    fleet.platform.redis.delete(keys.lifeboat(fleet.caller.account_id))
    return lifeboat(fleet.platform, fleet.caller)


@pytest.mark.data
def test_who_knows_another_bot_stays_reachable_and_only_in_pools_that_have_it(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 3)
    for person, bots in enumerate(((0,), (0,), (0, 1), (0, 1), (1, 2), (0, 1, 2)), start=1):
        meet(fleet, person, *bots)
    meet(fleet, 7, 0, state="blocked")
    meet(fleet, 8, 0, identity=2)  # of an identity that the bot does not have: cannot be written to
    found = counted(fleet)
    assert found["people"] == 6
    losses = [
        (loss["bot_id"], loss["people"], loss["alone"], loss["stays_percent"]) for loss in found["bots"]
    ]
    first, second, third = fleet.bot_ids
    assert losses == [(first, 5, 2, 66), (second, 4, 0, 100), (third, 2, 0, 100)]
    with platform.database.transaction() as session:
        session.execute(delete(PoolBot).where(PoolBot.bot_id == second))
    [pool] = counted(fleet)["pools"]
    assert (pool["bots"], pool["people"]) == (2, 6)
    assert pool["worst"] == {
        "bot_id": first,
        "username": fleet.names[0],
        "people": 5,
        "alone": 4,
        "stays_percent": 33,
    }


@pytest.mark.parametrize(
    ("bots", "change", "advice"),
    [
        (1, {}, Advice.ADD_BOT),
        (2, {}, Advice.ADD_SPARE),
        (2, {"priority": -1, "status": "offline"}, Advice.ADD_SPARE),
        (2, {"priority": -1, "draining": True}, Advice.ADD_SPARE),
        (2, {"priority": -1}, Advice.INVITE),
        (3, {"priority": -1}, Advice.READY),
    ],
)
def test_the_most_pressing_thing_is_advised(
    platform: Platform, bots: int, change: dict[str, object], advice: Advice
) -> None:
    fleet = pool_in_tables(platform, bots)
    meet(fleet, 1, 0)
    if bots == 3:
        meet(fleet, 2, 1)
    if change:
        with platform.database.transaction() as session:
            session.execute(update(PoolBot).where(PoolBot.bot_id == fleet.bot_ids[-1]).values(**change))
    assert counted(fleet)["pools"][0]["advice"] == advice


def test_another_account_sees_nothing_of_it_and_counts_are_kept_for_a_while(platform: Platform) -> None:
    fleet = pool_in_tables(platform, 2)
    meet(fleet, 1, 0, 1)
    first = counted(fleet)
    meet(fleet, 2, 0)
    assert lifeboat(platform, fleet.caller) == first
    assert counted(fleet)["people"] == 2
    assert 0 < platform.redis.ttl(keys.lifeboat(fleet.caller.account_id)) <= 86_400
    with platform.database.transaction() as session:
        account = add_account(session)
    seen = lifeboat(platform, Principal(account.id, "account:x"))
    assert (seen["people"], seen["bots"], seen["pools"]) == (0, [], [])


@pytest.mark.data
def test_many_people_are_counted_by_a_worker_and_the_former_counts_are_shown_meanwhile(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "COUNTED_AT_ONCE", 1)
    fleet = pool_in_tables(platform, 2)
    account_id = fleet.caller.account_id
    meet(fleet, 1, 0, 1)
    for _ in range(2):  # a second look asks no second worker
        found = lifeboat(platform, fleet.caller)
        assert (found["counted_at"], found["people"], len(found["bots"])) == (None, 0, 2)
    assert asked(platform) == [account_id]
    platform.job_redis.delete("rq:queue:default")  # as a worker takes it
    reach.count_people(platform, account_id)
    first = lifeboat(platform, fleet.caller)
    assert (first["people"], first["pools"][0]["people"]) == (1, 1)
    meet(fleet, 2, 0)
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == fleet.bot_ids[1]).values(identity=2))
    monkeypatch.setattr(reach, "FRESH", timedelta(0))
    assert lifeboat(platform, fleet.caller) == first
    assert asked(platform) == [account_id]
    reach.count_people(platform, account_id)
    found = lifeboat(platform, fleet.caller)
    assert [(loss["bot_id"], loss["people"], loss["alone"]) for loss in found["bots"]] == [
        (fleet.bot_ids[0], 2, 2),
        (fleet.bot_ids[1], 0, 0),
    ]
    with platform.database.transaction() as session:
        session.execute(update(Lead).where(Lead.bot_id == fleet.bot_ids[1]).values(identity=2))
    reach.count_people(platform, account_id)
    assert lifeboat(platform, fleet.caller)["bots"][1]["people"] == 1


def asked(platform: Platform) -> list[int]:
    """The accounts of the jobs that wait."""
    queue = Queue(JobQueue.DEFAULT, connection=platform.job_redis, serializer=JSONSerializer)
    return [job.args[0] for job in queue.jobs if job.func_name == JobName.COUNT_PEOPLE]
