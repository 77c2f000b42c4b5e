"""One action on many bots: each has its outcome, everybody else's bots are not there, all of it happens or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from models import AuditEvent, Bot, PoolBot
from services.core.errors import FlotillaError, InvalidInput, NotFound
from services.core.times import utc_now
from services.fleet.bots.bulk import Action, Bulk, carry_out
from services.fleet.pools.snapshot import read_pools
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, JobQueue
from tests.services.fleet.pools.fleet import new_account, new_bot, new_pool

pytestmark = pytest.mark.data


def codes(platform: Platform, owner: Principal, bulk: Bulk) -> list[str]:
    """The outcome of each: "" or the code of its refusal."""
    return [one.code if isinstance(one, FlotillaError) else "" for one in carry_out(platform, owner, bulk)]


def queued(platform: Platform, name: JobName) -> set[int]:
    """Of which bots a job waits."""
    queue = Queue(JobQueue.DEFAULT, connection=platform.job_redis, serializer=JSONSerializer)
    return {job.args[0] for job in queue.jobs if job.func_name == name}


def rows(platform: Platform, table: type[Any]) -> dict[int, Any]:
    """Bots or members in order, by the bot's id."""
    with platform.database.reading() as session:
        found = session.scalars(select(table).order_by(table.id))
        return {row.bot_id if table is PoolBot else row.id: row for row in found}


def test_bots_start_and_stop_together_and_a_strangers_is_not_found(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    mine = [new_bot(platform, owner, desired_running=False) for _ in range(3)]
    foreign = new_bot(platform, stranger, desired_running=False)
    asked: list[int | str] = [
        mine[0].id,
        foreign.id,
        mine[1].public_id,
        foreign.public_id,
        987654,
        mine[0].id,
    ]
    assert codes(platform, owner, Bulk(Action.START, asked)) == [
        "",
        "bot_not_found",
        "",
        "bot_not_found",
        "bot_not_found",
        "",
    ]
    running = {bot_id: row.desired_running for bot_id, row in rows(platform, Bot).items()}
    assert running == {mine[0].id: True, mine[1].id: True, mine[2].id: False, foreign.id: False}
    assert queued(platform, JobName.RECONCILE_BOT) == {mine[0].id, mine[1].id}
    assert codes(platform, owner, Bulk(Action.STOP, [bot.id for bot in mine])) == ["", "", ""]
    assert not any(row.desired_running for row in rows(platform, Bot).values())
    with platform.database.reading() as session:
        kinds = sorted(session.scalars(select(AuditEvent.kind)))
    assert kinds == ["bot_started"] * 2 + ["bot_stopped"] * 3


def test_a_bot_that_serves_again_starts_slowly_and_its_link_knows_it(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2)
    bots = list(rows(platform, Bot))
    carry_out(platform, owner, Bulk(Action.STOP, bots))
    assert [member.running for member in read_pools(platform, [pool.id])[0].members] == [False, False]
    begun = utc_now()
    carry_out(platform, owner, Bulk(Action.START, bots[:1]))
    members = rows(platform, PoolBot)
    assert members[bots[0]].slow_start_at >= begun
    assert members[bots[1]].slow_start_at is None


def test_a_pool_takes_those_for_whom_it_has_room(platform: Platform) -> None:
    owner, stranger = new_account(platform), new_account(platform)
    pool = new_pool(platform, owner, "red1", 1, max_bots=3)
    inside = next(iter(rows(platform, PoolBot)))
    bots = [new_bot(platform, owner).id for _ in range(3)]
    foreign = new_bot(platform, stranger).id
    asked = [bots[0], inside, foreign, bots[0], bots[1], bots[2]]
    refused = ["", "already_member", "bot_not_found", "already_member", "", "pool_full"]
    assert codes(platform, owner, Bulk(Action.ADD, asked, pool.id)) == refused
    assert set(rows(platform, PoolBot)) == {inside, *bots[:2]}
    assert queued(platform, JobName.CHECK_BOT) == set(bots[:2])
    assert {one.bot_id for one in read_pools(platform, [pool.id])[0].members} == {inside, *bots[:2]}

    assert codes(platform, owner, Bulk(Action.DRAIN, [inside, bots[0], bots[2]], pool.id)) == [
        "",
        "",
        "member_not_found",
    ]
    assert {key for key, row in rows(platform, PoolBot).items() if row.draining} == {inside, bots[0]}
    assert codes(platform, owner, Bulk(Action.UNDRAIN, [inside], pool.id)) == [""]
    removed = codes(platform, owner, Bulk(Action.REMOVE, [bots[0], bots[0], foreign], pool.id))
    assert removed == ["", "member_not_found", "bot_not_found"]
    assert {key: row.draining for key, row in rows(platform, PoolBot).items()} == {
        inside: False,
        bots[1]: False,
    }
    for action in (Action.ADD, Action.DRAIN, Action.REMOVE):
        with pytest.raises(NotFound):
            carry_out(platform, stranger, Bulk(action, [foreign], pool.id))


def test_a_tag_is_put_on_and_taken_off_and_no_bot_gets_more_than_it_may_have(platform: Platform) -> None:
    owner = new_account(platform)
    full = new_bot(platform, owner, tags=[f"t{number}" for number in range(10)]).id
    free = new_bot(platform, owner, tags=["vip"]).id
    assert codes(platform, owner, Bulk(Action.TAG, [full, free], tag="  Black   Friday ")) == [
        "tags_too_many",
        "",
    ]
    assert rows(platform, Bot)[free].tags == ["black friday", "vip"]
    assert codes(platform, owner, Bulk(Action.UNTAG, [full, free], tag="VIP")) == ["", ""]
    assert rows(platform, Bot)[free].tags == ["black friday"]
    assert len(rows(platform, Bot)[full].tags) == 10


def test_what_an_action_needs_or_does_not_take_is_said_before_anything_happens(platform: Platform) -> None:
    owner = new_account(platform)
    for action, pool_id, tag, field in (
        (Action.START, 1, None, "pool_id"),
        (Action.STOP, None, "x", "tag"),
        (Action.DRAIN, None, None, "pool_id"),
        (Action.ADD, 1, "x", "tag"),
        (Action.TAG, None, None, "tag"),
        (Action.TAG, None, " ", "tags"),
    ):
        with pytest.raises(InvalidInput) as caught:
            carry_out(platform, owner, Bulk(action, [1], pool_id, tag))
        assert caught.value.field == field, action


def test_a_crash_in_the_middle_leaves_every_bot_as_it_was(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_account(platform)
    bots = [new_bot(platform, owner).id for _ in range(3)]
    calls: list[object] = []

    def dies_at_the_second(*args: object, **_kwargs: object) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError("killed")

    monkeypatch.setattr("services.fleet.bots.bulk.audit", dies_at_the_second)
    with pytest.raises(RuntimeError):
        carry_out(platform, owner, Bulk(Action.TAG, bots, tag="x"))
    assert [row.tags for row in rows(platform, Bot).values()] == [[], [], []]
