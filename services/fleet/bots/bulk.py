"""One action on many bots in one transaction: each of them has its outcome, and one refusal does not keep the others back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from models import Bot, PoolBot
from services.core.errors import InvalidInput
from services.core.outcomes import Outcome, each
from services.fleet.bots.lifecycle import start_bots, stop_bots
from services.fleet.bots.registry import locked_each
from services.fleet.bots.tags import checked_tags
from services.fleet.pools.fields import MemberChange, NewMember
from services.fleet.pools.members import add_members, remove_members, update_members
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform

Value = TypeVar("Value")


class Action(StrEnum):
    """What is done to each bot; those after STOP name a pool or a tag."""

    START = "start"
    STOP = "stop"
    ADD = "add_to_pool"
    REMOVE = "remove_from_pool"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    TAG = "tag"
    UNTAG = "untag"


@dataclass(frozen=True)
class Bulk:
    """An action on bots, by number or public id; ADD to UNDRAIN happen in the pool, TAG and UNTAG are about the tag."""

    action: Action
    bot_ids: Sequence[int | str]
    pool_id: int | None = None
    tag: str | None = None


def carry_out(platform: Platform, caller: Principal, bulk: Bulk) -> list[Outcome[Bot | PoolBot]]:
    """For each bot in order what it is now, or why it was refused. All that is done is done together or, after a crash,
    not at all.

    Raises NotFound for a foreign pool and InvalidInput where pool or tag is missing or not of the action.
    """
    if bulk.action in (Action.START, Action.STOP):
        _refuse(bulk, "pool_id", "tag")
        run = start_bots if bulk.action is Action.START else stop_bots
        return [*run(platform, caller, bulk.bot_ids)]
    if bulk.action in (Action.TAG, Action.UNTAG):
        _refuse(bulk, "pool_id")
        return [*_tag(platform, caller, bulk.bot_ids, _needed(bulk.tag, "tag"), bulk.action is Action.TAG)]
    _refuse(bulk, "tag")
    return [*_in_pool(platform, caller, bulk, _needed(bulk.pool_id, "pool_id"))]


def _in_pool(platform: Platform, caller: Principal, bulk: Bulk, pool_id: int) -> list[Outcome[PoolBot]]:
    if bulk.action is Action.ADD:
        wanted = [NewMember(bot_id=bot_id) for bot_id in bulk.bot_ids]
        return add_members(platform, caller, pool_id, wanted)
    if bulk.action is Action.REMOVE:
        return remove_members(platform, caller, pool_id, bulk.bot_ids)
    change = MemberChange(draining=bulk.action is Action.DRAIN)
    return update_members(platform, caller, pool_id, bulk.bot_ids, change)


def _tag(
    platform: Platform, caller: Principal, bot_ids: Sequence[int | str], tag: str, wanted: bool
) -> list[Outcome[Bot]]:
    """Put a tag on bots, or take it from them. No process reads tags, so none is told."""
    (word,) = checked_tags([tag])

    def changed(one: Outcome[Bot]) -> Bot:
        if not isinstance(one, Bot):
            raise one
        tags = checked_tags({*one.tags, word} if wanted else {*one.tags} - {word})
        if tags != one.tags:
            one.tags = tags
            kind = "bot_tagged" if wanted else "bot_untagged"
            audit(session, caller, kind, account_id=one.account_id, bot_id=one.id, tag=word)
        return one

    with platform.database.transaction() as session:
        return each(locked_each(session, caller, bot_ids), changed)


def _needed(value: Value | None, field: str) -> Value:
    if value is None:
        raise InvalidInput("This action needs it", field=field)
    return value


def _refuse(bulk: Bulk, *fields: str) -> None:
    for field in fields:
        if getattr(bulk, field) is not None:
            raise InvalidInput("This action does not take it", field=field)
