"""Members of a pool: adding a bot, its switches, removing it. A new one is checked before it serves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Annotated

from redis import RedisError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload
from typing_extensions import TypedDict

from models import Bot, MemberStatus, PoolBot, RedirectPool
from services.core.answer_types import Moment, one_of
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.outcomes import Outcome, each, only
from services.core.times import iso, utc_now
from services.fleet.bots.declaration import refuse_manager
from services.fleet.bots.signals import bot_changed
from services.fleet.health.alerts import follow_health
from services.fleet.health.members import lock_pools
from services.fleet.health.pool_health import counts
from services.fleet.pools.behaviour import (
    begin_following,
    locked_pool,
    refuse_follower,
    stop_following,
)
from services.fleet.pools.fields import MemberChange, NewMember
from services.fleet.pools.owned_behaviour import has_it
from services.fleet.pools.snapshot import publish
from services.fleet.pools.switches import UPDATED, changed_switches, switches_of
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue

logger = logging.getLogger(__name__)
NO_TIER = -2  # below the lowest priority


def add_member(platform: Platform, caller: Principal, pool_id: int, wanted: NewMember) -> PoolBot:
    """Put a bot into a pool, in the state `checking`, and have it checked at once.

    Raises NotFound for a foreign pool or bot, Conflict "already_member" or "pool_full"; one that is to follow the pool's
    behaviour is refused as by `refuse_follower`.
    """
    return only(add_members(platform, caller, pool_id, [wanted]))


def add_members(
    platform: Platform, caller: Principal, pool_id: int, wanted: Sequence[NewMember]
) -> list[Outcome[PoolBot]]:
    """As `add_member` for several in one transaction; for each in order the member, or why it is none.

    Raises NotFound for a foreign pool.
    """
    with platform.database.transaction() as session:
        pool = locked_pool(session, caller, pool_id)
        inside = set(session.scalars(select(PoolBot.bot_id).where(PoolBot.pool_id == pool.id)))
        capacity = platform.settings.pool_capacity_per_hour
        outcomes = each(wanted, lambda one: _add(session, caller, pool, inside, one, capacity))
        added = [one.bot_id for one in outcomes if isinstance(one, PoolBot)]
        following = [
            one.bot_id
            for one, asked in zip(outcomes, wanted, strict=True)
            if isinstance(one, PoolBot) and asked.follow
        ]
        if following:
            begin_following(session, caller, pool, following)
        follow_health(session, [pool.id])
        pool_key = pool.id
    if added:
        publish(platform, [pool_key])
        _check_now(platform, added)
    if following:
        bot_changed(platform, *following)
    return outcomes


def update_member(
    platform: Platform, caller: Principal, pool_id: int, bot_id: int | str, change: MemberChange
) -> PoolBot:
    """Change weight, priority or switches of a member; NotFound when the bot is not in the pool.

    Who begins to serve by that, or to serve a higher tier, starts slowly.
    """
    return only(update_members(platform, caller, pool_id, [bot_id], change))


def update_members(
    platform: Platform, caller: Principal, pool_id: int, bot_ids: Sequence[int | str], change: MemberChange
) -> list[Outcome[PoolBot]]:
    """As `update_member` for several in one transaction; for each in order the member, or why there is none.

    Raises NotFound for a foreign pool.
    """

    def work(session: Session, pool: RedirectPool, member: PoolBot) -> None:
        before, switches = _tier_of(member), switches_of(member)
        for field in change.model_fields_set:
            setattr(member, field, getattr(change, field))
        if _tier_of(member) > before:
            member.slow_start_at = utc_now()
        if "priority" in change.model_fields_set:
            member.promoted_at = None  # the owner's word goes beyond a ban wave's
        told = change.model_dump(exclude_unset=True) | changed_switches(switches, switches_of(member))
        _record(session, caller, pool, UPDATED, member.bot_id, **told)

    return _on_members(platform, caller, pool_id, bot_ids, work)


def start_slowly(session: Session, bot_ids: Collection[int]) -> None:
    """Begin a slow start of bots that are about to serve again in all their pools. Locks the pools before members."""
    lock_pools(session, select(PoolBot.pool_id).where(PoolBot.bot_id.in_(bot_ids)))
    session.execute(update(PoolBot).where(PoolBot.bot_id.in_(bot_ids)).values(slow_start_at=utc_now()))


def remove_member(platform: Platform, caller: Principal, pool_id: int, bot_id: int | str) -> None:
    """Take a bot out of a pool; its clicks and leads stay. It follows the pool's behaviour no more, and keeps what it has.

    NotFound when it is not in it.
    """
    only(remove_members(platform, caller, pool_id, [bot_id]))


def remove_members(
    platform: Platform, caller: Principal, pool_id: int, bot_ids: Sequence[int | str]
) -> list[Outcome[PoolBot]]:
    """As `remove_member` for several in one transaction; for each in order the former member, or why there was none.

    Raises NotFound for a foreign pool.
    """

    def work(session: Session, pool: RedirectPool, member: PoolBot) -> None:
        session.delete(member)
        session.flush()
        _record(session, caller, pool, "member_removed", member.bot_id)

    def after(session: Session, pool: RedirectPool, removed: Sequence[PoolBot]) -> None:
        stop_following(session, caller, pool, [member.bot_id for member in removed])

    return _on_members(platform, caller, pool_id, bot_ids, work, after)


class MemberView(TypedDict):
    """A bot in a pool. `differs`: the pool owns a behaviour, and the bot has not that one by following it."""

    bot_id: int
    public_id: str
    username: str
    name: str
    weight: int
    priority: int
    is_enabled: bool
    draining: bool
    capacity_per_hour: int
    status: Annotated[str, one_of(MemberStatus)]
    status_cause: str
    last_health_check: Moment | None
    consecutive_failures: int
    circuit_breaker_until: Moment | None
    total_redirects: int
    follows: bool
    differs: bool
    added_at: Moment


def describe_member(member: PoolBot) -> MemberView:
    """The JSON of a member, as the API and the panel show it."""
    return {
        "bot_id": member.bot_id,
        "public_id": member.bot.public_id,
        "username": member.bot.username,
        "name": member.bot.name,
        "weight": member.weight,
        "priority": member.priority,
        "is_enabled": member.is_enabled,
        "draining": member.draining,
        "capacity_per_hour": member.capacity_per_hour,
        "status": str(member.status),
        "status_cause": member.status_cause,
        "last_health_check": iso(member.last_health_check),
        "consecutive_failures": member.consecutive_failures,
        "circuit_breaker_until": iso(member.circuit_breaker_until),
        "total_redirects": member.total_redirects,
        "follows": member.bot.follows_pool_id == member.pool_id,
        "differs": member.pool.behaviour_version > 0 and not has_it(member.pool, member.bot),
        "added_at": iso(member.added_at),
    }


def _tier_of(member: PoolBot) -> int:
    """The tier that a member's switches let it serve; below all tiers when they let it serve none."""
    return member.priority if counts(member) else NO_TIER


def _add(
    session: Session,
    caller: Principal,
    pool: RedirectPool,
    inside: set[int],
    wanted: NewMember,
    capacity_per_hour: int,
) -> PoolBot:
    bot = get_owned(session, caller, Bot, wanted.bot_id)
    refuse_manager(bot)
    if bot.account_id != pool.account_id:
        raise InvalidInput("The bot and the pool belong to different accounts", field="bot_id")
    if bot.id in inside:
        raise _already_member()
    if len(inside) >= pool.max_bots:
        raise Conflict(
            Text("The pool is full: max_bots allows {count}. Raise it or remove a bot", count=pool.max_bots),
            code="pool_full",
        )
    if wanted.follow:
        refuse_follower(pool, bot)
    member = PoolBot(
        pool=pool,
        bot=bot,
        weight=wanted.weight,
        priority=wanted.priority,
        is_enabled=wanted.is_enabled,
        draining=wanted.draining,
        capacity_per_hour=wanted.capacity_per_hour or capacity_per_hour,
    )
    _insert(session, member)
    inside.add(bot.id)
    _record(session, caller, pool, "member_added", bot.id)
    return member


def _on_members(
    platform: Platform,
    caller: Principal,
    pool_id: int,
    bot_ids: Sequence[int | str],
    work: Callable[[Session, RedirectPool, PoolBot], None],
    after: Callable[[Session, RedirectPool, Sequence[PoolBot]], None] | None = None,
) -> list[Outcome[PoolBot]]:
    """Do `work` to members of a pool in one transaction, `after` it something to all who were there, and publish the pool
    when there was any."""
    with platform.database.transaction() as session:
        pool = locked_pool(session, caller, pool_id)

        def done(bot_id: int | str) -> PoolBot:
            member = _member(session, caller, pool, bot_id)
            work(session, pool, member)
            return member

        outcomes = each(bot_ids, done)
        if after is not None:
            after(session, pool, [one for one in outcomes if isinstance(one, PoolBot)])
        follow_health(session, [pool.id])
        pool_key = pool.id
    if any(isinstance(one, PoolBot) for one in outcomes):
        publish(platform, [pool_key])
    return outcomes


def _insert(session: Session, member: PoolBot) -> None:
    session.add(member)
    try:
        session.flush()
    except IntegrityError as error:
        raise _already_member() from error


def _already_member() -> Conflict:
    return Conflict("The bot is already in this pool", code="already_member", field="bot_id")


def _member(session: Session, caller: Principal, pool: RedirectPool, bot_id: int | str) -> PoolBot:
    bot = get_owned(session, caller, Bot, bot_id)
    member = session.scalar(
        select(PoolBot)
        .where(PoolBot.pool_id == pool.id, PoolBot.bot_id == bot.id)
        .options(joinedload(PoolBot.bot), joinedload(PoolBot.pool))
        .with_for_update(of=PoolBot)
    )
    if member is None:
        raise NotFound("The bot is not in this pool", code="member_not_found")
    return member


def _record(
    session: Session, caller: Principal, pool: RedirectPool, kind: str, bot_id: int, **details: object
) -> None:
    audit(session, caller, kind, account_id=pool.account_id, pool_id=pool.id, bot_id=bot_id, **details)


def _check_now(platform: Platform, bot_ids: Sequence[int]) -> None:
    try:
        for bot_id in bot_ids:
            enqueue(platform.job_redis, JobName.CHECK_BOT, bot_id)
    except RedisError:
        logger.warning(
            "checks of new members not queued; the next sweep will do them", extra={"bot_ids": bot_ids}
        )
