"""The behaviour that a pool owns and that bots follow.

A follower has rows of its own, written in the transaction that changes the pool's: whoever handles an update asks no pool.
Everybody locks the pool before its bots, and bots in order of their ids.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from models import Bot, PoolBot, RedirectPool
from services.core.errors import Conflict, InvalidInput, NotFound
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.registry import locked, with_plugins
from services.fleet.bots.signals import bot_changed
from services.fleet.configuration.document import Behaviour, behaviour_of
from services.fleet.configuration.writing import (
    MOST_PATHS,
    Change,
    as_json,
    changes,
    checked,
    write_behaviours,
)
from services.fleet.flows.users import refuse_unknown
from services.fleet.pools.owned_behaviour import (
    BehaviourPlan,
    FollowerPlan,
    PoolBehaviourView,
    describe_follower,
    has_it,
    owned_behaviour,
    stored_form,
)
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform


@dataclass(frozen=True)
class WantedBehaviour:
    """A behaviour for a pool, said or taken from the bot `like`. `everybody`: all members begin to follow that may."""

    said: Behaviour | None = None
    like: int | str | None = None
    everybody: bool = False


def pool_behaviour(platform: Platform, caller: Principal, pool_id: int) -> PoolBehaviourView:
    """What the caller's pool owns, and how each of its members stands to it."""
    # An admin's access leaves an audit entry; an owner's look takes no write lock.
    with looking(platform, caller) as session:
        pool = get_owned(session, caller, RedirectPool, pool_id)
        own = owned_behaviour(pool)
        query = select(Bot).join(PoolBot, PoolBot.bot_id == Bot.id).where(PoolBot.pool_id == pool.id)
        bots = session.scalars(query.order_by(PoolBot.id).options(selectinload(Bot.plugins)))
        return {
            "version": pool.behaviour_version,
            "behaviour": None if own is None else own.model_dump(mode="json"),
            "members": [describe_follower(pool, own, bot) for bot in bots],
        }


def set_behaviour(
    platform: Platform, caller: Principal, pool_id: int, wanted: WantedBehaviour, *, if_plan: str | None
) -> BehaviourPlan:
    """What `wanted` changes of the pool and its followers; done, all of it in one transaction, where `if_plan` is the plan
    that was shown.

    Raises NotFound, InvalidInput for a behaviour that no bot can have, Conflict `plan_changed` when the changes are no longer
    those of the plan.
    """
    with platform.database.transaction() as session:
        pool = locked_pool(session, caller, pool_id)
        new = _wanted(session, caller, pool, wanted)
        refuse_unknown(session, pool.account_id, new.plugins)
        old = owned_behaviour(pool)
        different = changes(old or Behaviour(), new)
        if different or old is None:
            behind = _bots(session, pool, wanted.everybody)
        else:
            behind = [bot for bot in _bots(session, pool, wanted.everybody) if not has_it(pool, bot)]
        plan = _plan(pool, new, different, behind)
        if if_plan is None:
            return plan
        if if_plan != plan["plan"]:
            raise Conflict("Something changed since these changes were shown", code="plan_changed")
        if different or old is None:
            pool.behaviour, pool.behaviour_version = stored_form(new), pool.behaviour_version + 1
            paths = [each.path for each in different][:MOST_PATHS]
            _audit(session, caller, pool, "pool_behaviour_set", paths=paths, bots=len(behind))
        _bring(session, caller, pool, new, behind)
        written = [bot.id for bot in behind]
    bot_changed(platform, *written)
    return {**plan, "applied": True}


def drop_behaviour(platform: Platform, caller: Principal, pool_id: int) -> None:
    """Let the pool own none. Its followers keep what they have and are edited by themselves again. NotFound `no_behaviour`."""
    with platform.database.transaction() as session:
        pool = locked_pool(session, caller, pool_id)
        _existing(pool)
        freed = stop_following(session, caller, pool)
        pool.behaviour, pool.behaviour_version = None, 0
        _audit(session, caller, pool, "pool_behaviour_dropped", bots=freed)


def follow(platform: Platform, caller: Principal, bot_id: int | str, pool_id: int | None) -> Bot:
    """Have the caller's bot follow the pool in which it is, instead of another or of none; with None it follows none and
    keeps what it has.

    Raises NotFound (`member_not_found`, `no_behaviour` too), Conflict `declared_in_file`.
    """
    with platform.database.transaction() as session:
        if pool_id is None:
            bot = locked(session, caller, bot_id)
            _stop(session, caller, [bot])
            return with_plugins(bot)
        pool = locked_pool(session, caller, pool_id)
        bot = locked(session, caller, bot_id)
        begin_following(session, caller, pool, [bot.id])
    bot_changed(platform, bot.id)
    return bot


def begin_following(
    session: Session, caller: Principal, pool: RedirectPool, bot_ids: Collection[int]
) -> None:
    """Bring members of a locked pool to its behaviour; whoever commits calls `bot_changed`. Raises as `follow` does."""
    query = select(Bot).join(PoolBot, PoolBot.bot_id == Bot.id)
    bots = _held(session, query.where(PoolBot.pool_id == pool.id, Bot.id.in_(bot_ids)))
    if len(bots) < len(set(bot_ids)):
        raise NotFound("The bot is not in this pool", code="member_not_found")
    own = _existing(pool)
    for bot in bots:
        refuse_declared(bot, behaviour=False)
    _bring(session, caller, pool, own, [bot for bot in bots if not has_it(pool, bot)])


def stop_following(
    session: Session, caller: Principal, pool: RedirectPool, bot_ids: Collection[int] | None = None
) -> int:
    """Let bots that follow a locked pool, all of them or those named, keep what they have and follow it no more; how many."""
    query = select(Bot).where(Bot.follows_pool_id == pool.id)
    bots = _held(session, query if bot_ids is None else query.where(Bot.id.in_(bot_ids)))
    _stop(session, caller, bots)
    return len(bots)


def refuse_follower(pool: RedirectPool, bot: Bot) -> None:
    """Raise why `bot` could not follow `pool` as its member: `no_behaviour`, `declared_in_file`."""
    _existing(pool)
    refuse_declared(bot, behaviour=False)


def locked_pool(session: Session, caller: Principal, pool_id: int) -> RedirectPool:
    """The caller's pool, held until the commit: two who add at once must not both find the last free place, and everybody
    locks a pool before its members."""
    query = select(RedirectPool).where(
        RedirectPool.id == get_owned(session, caller, RedirectPool, pool_id).id
    )
    return session.scalars(query.with_for_update(), execution_options={"populate_existing": True}).one()


def _wanted(session: Session, caller: Principal, pool: RedirectPool, wanted: WantedBehaviour) -> Behaviour:
    if (wanted.said is None) == (wanted.like is None):
        raise InvalidInput("Say the behaviour, or a bot to take it from, and not both", field="behaviour")
    if wanted.said is not None:
        return checked(wanted.said)
    bot = get_owned(session, caller, Bot, wanted.like or 0)
    if bot.account_id != pool.account_id:
        raise InvalidInput("The bot and the pool belong to different accounts", field="like")
    return checked(behaviour_of(bot))


def _existing(pool: RedirectPool) -> Behaviour:
    own = owned_behaviour(pool)
    if own is None:
        raise NotFound("The pool owns no behaviour that could be followed", code="no_behaviour")
    return own


def _bots(session: Session, pool: RedirectPool, everybody: bool) -> list[Bot]:
    """The followers of a locked pool; with `everybody` all members beside them that no file and no other pool has."""
    members = select(PoolBot.bot_id).where(PoolBot.pool_id == pool.id)
    free = Bot.id.in_(members) & Bot.follows_pool_id.is_(None) & (Bot.declared_in == "")
    own = Bot.follows_pool_id == pool.id
    return _held(session, select(Bot).where(or_(own, free) if everybody else own))


def _held(session: Session, query: Any) -> list[Bot]:
    """The bots of a query, locked in one order, with their plugins."""
    rows = query.order_by(Bot.id).options(selectinload(Bot.plugins)).with_for_update(of=Bot)
    return list(session.scalars(rows, execution_options={"populate_existing": True}))


def _plan(
    pool: RedirectPool, new: Behaviour, different: Sequence[Change], behind: Sequence[Bot]
) -> BehaviourPlan:
    bots: list[FollowerPlan] = [
        {
            "bot_id": bot.id,
            "username": bot.username,
            "begins": bot.follows_pool_id != pool.id,
            "differences": len(changes(behaviour_of(bot), new)),
        }
        for bot in behind
    ]
    shown = as_json(different)
    said = json.dumps([pool.id, pool.behaviour_version, new.model_dump(mode="json"), shown, bots])
    return {"changes": shown, "bots": bots, "plan": sha256(said.encode()).hexdigest(), "applied": False}


def _bring(
    session: Session, caller: Principal, pool: RedirectPool, behaviour: Behaviour, bots: Sequence[Bot]
) -> None:
    write_behaviours(session, bots, behaviour)
    for bot in bots:
        bot.follows_pool_id, bot.follows_version = pool.id, pool.behaviour_version
        _audit(session, caller, pool, "bot_followed", bot_id=bot.id, version=pool.behaviour_version)


def _stop(session: Session, caller: Principal, bots: Sequence[Bot]) -> None:
    for bot in bots:
        if bot.follows_pool_id is not None:
            former, bot.follows_pool_id = bot.follows_pool_id, None
            audit(
                session,
                caller,
                "bot_unfollowed",
                account_id=bot.account_id,
                bot_id=bot.id,
                pool_id=former,
            )


def _audit(
    session: Session,
    caller: Principal,
    pool: RedirectPool,
    kind: str,
    bot_id: int | None = None,
    **details: object,
) -> None:
    audit(session, caller, kind, account_id=pool.account_id, pool_id=pool.id, bot_id=bot_id, **details)
