"""What an owner's change of a member means for the traffic it gets at once."""

from __future__ import annotations

from typing import Any

import pytest

from models import PoolBot
from services.fleet.bots.lifecycle import restart_bot, start_bot, stop_bot
from services.fleet.pools.fields import MemberChange
from services.fleet.pools.members import update_member
from services.fleet.pools.model import from_json
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.fleet.pools.fleet import new_account, new_pool


def starts_slowly(platform: Platform, pool_id: int) -> list[bool]:
    """Of each member, whether the processes that answer clicks see a slow start."""
    text = platform.redis.hget(keys.pool_snapshot(), str(pool_id))
    return [member.slow_start for member in from_json(str(text)).members]


@pytest.mark.parametrize(
    ("was", "change"),
    [
        ({"is_enabled": False}, {"is_enabled": True}),
        ({"draining": True}, {"draining": False}),
        ({"weight": 0}, {"weight": 3}),
        ({"priority": -1}, {"priority": 0}),
        ({"priority": 0}, {"priority": 1}),
    ],
)
def test_whoever_begins_to_serve_by_its_owners_hand_starts_slowly(
    platform: Platform, was: dict[str, Any], change: dict[str, Any]
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", [{}, was])
    member = pool.members[1]
    update_member(platform, owner, pool.id, member.bot_id, MemberChange(**change))
    assert starts_slowly(platform, pool.id) == [False, True]


@pytest.mark.parametrize(
    ("was", "change"),
    [
        ({}, {"is_enabled": True}),
        ({"weight": 1}, {"weight": 9}),
        ({"priority": 1}, {"priority": 0}),
        ({"is_enabled": False}, {"weight": 2}),
        ({"is_enabled": False, "draining": True}, {"draining": False}),
        ({}, {"draining": True}),
    ],
)
def test_other_changes_begin_no_slow_start(
    platform: Platform, was: dict[str, Any], change: dict[str, Any]
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", [{}, was])
    update_member(platform, owner, pool.id, pool.members[1].bot_id, MemberChange(**change))
    assert starts_slowly(platform, pool.id) == [False, False]


@pytest.mark.data
def test_a_stopped_bot_that_is_started_begins_slowly_in_all_its_pools(platform: Platform) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2)
    other = new_pool(platform, owner, "red2", 1)
    bot_id = pool.members[1].bot_id
    with platform.database.transaction() as session:
        session.add(PoolBot(pool_id=other.id, bot_id=bot_id, status="online"))
    restart_bot(platform, owner, bot_id)
    start_bot(platform, owner, bot_id)
    assert starts_slowly(platform, pool.id) == [False, False], "it was running all the time"
    stop_bot(platform, owner, bot_id)
    start_bot(platform, owner, bot_id)
    assert starts_slowly(platform, pool.id) == [False, True]
    assert starts_slowly(platform, other.id) == [False, True]
