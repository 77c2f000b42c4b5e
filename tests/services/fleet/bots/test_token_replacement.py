"""A revoked token is replaced by a new one of the same bot, and its lost members are let back in."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from models import Bot, MemberStatus, PoolBot
from services.core.errors import InvalidInput, NotFound, TokenRejected
from services.fleet.bots.token_replacement import replace_token
from services.platform.platform import Platform
from services.platform.tokens import token_of
from tests.services.fleet.health.world import make_fleet
from tools.servers.sandbox import Sandbox


@pytest.mark.data
def test_a_new_token_of_the_same_bot_brings_its_members_back_to_be_checked(
    platform: Platform, sandbox: Sandbox
) -> None:
    fleet = make_fleet(platform, sandbox, 2)
    bot_id, new = fleet.bot_ids[0], sandbox.rotate(fleet.names[0])
    with platform.database.transaction() as session:
        mine = PoolBot.bot_id == bot_id
        session.execute(update(PoolBot).where(mine).values(status="banned", status_cause="unauthorized"))
        session.execute(
            update(Bot).where(Bot.id == bot_id).values(status="failed", status_cause="unauthorized")
        )
    assert replace_token(platform, fleet.caller, bot_id, f" {new} ").status_cause == ""
    with platform.database.reading() as session:
        assert token_of(platform, session.get_one(Bot, bot_id)) == new
    member = fleet.member(0)
    assert (member.status, member.status_cause) == (MemberStatus.OFFLINE, "allowed")
    assert member.circuit_breaker_until is not None
    assert fleet.statuses()[1] == "online"


def test_another_bots_token_a_dead_one_and_a_foreign_bot_change_nothing(
    platform: Platform, sandbox: Sandbox
) -> None:
    fleet, foreign = make_fleet(platform, sandbox, 2), make_fleet(platform, sandbox, 1)
    with platform.database.reading() as session:
        first, second = (token_of(platform, session.get_one(Bot, bot_id)) for bot_id in fleet.bot_ids)
    with pytest.raises(InvalidInput, match=f"@{fleet.names[1]}, not of @{fleet.names[0]}"):
        replace_token(platform, fleet.caller, fleet.bot_ids[0], second)
    sandbox.rotate(fleet.names[0])
    with pytest.raises(TokenRejected):
        replace_token(platform, fleet.caller, fleet.bot_ids[0], first)
    with pytest.raises(NotFound):
        replace_token(platform, foreign.caller, fleet.bot_ids[0], first)
    with platform.database.reading() as session:
        assert token_of(platform, session.get_one(Bot, fleet.bot_ids[0])) == first
