"""Making, changing and deleting pools. Each use case is one transaction; what `/go` knows follows after it."""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import select
from sqlalchemy.orm import Session, immediateload, joinedload, selectinload
from typing_extensions import TypedDict

from models import Experiment, ExperimentArm, OverLimit, PoolBot, PoolRule, PoolSlug, RedirectPool, Strategy
from services.core.answer_types import Moment, one_of
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.core.times import iso
from services.fleet.health.alerts import follow_health
from services.fleet.health.members import lock_pools
from services.fleet.pools.fallbacks import check_fallback_pool, check_fallback_url
from services.fleet.pools.fields import NewPool, PoolChange
from services.fleet.pools.members import MemberView
from services.fleet.pools.naming import checked_pattern
from services.fleet.pools.slugs import flush_slug, make_room_for_slug, normalized_slug, take_slug
from services.fleet.pools.snapshot import publish
from services.fleet.pools.start_payload import looks_tracked
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import Quota, make_room
from services.platform.platform import Platform

# Fields that are only copied; the others have rules of their own.
PLAIN = (
    "name",
    "is_active",
    "sticky",
    "tracking",
    "rate_limit_per_minute",
    "over_limit",
    "critical_below_percent",
    "spare_count",
)


def create_pool(platform: Platform, caller: Principal, wanted: NewPool) -> RedirectPool:
    """A new, empty pool. Raises InvalidInput, NotFound (fallback pool), Conflict "slug_taken" and "quota_exceeded"."""
    slug = normalized_slug(wanted.slug)
    defaults = platform.settings
    with platform.database.transaction() as session:
        make_room(session, defaults, caller.account_id, Quota.POOLS)
        make_room_for_slug(session, defaults, caller.account_id, slug)
        pool = RedirectPool(
            account_id=caller.account_id,
            name=wanted.name,
            slug=slug,
            is_active=wanted.is_active,
            distribution_strategy=wanted.strategy,
            sticky=wanted.sticky,
            start_param=_checked_param(wanted.start_param or defaults.pool_start_param),
            tracking=wanted.tracking,
            max_bots=wanted.max_bots or defaults.pool_max_bots,
            rate_limit_per_minute=_or_default(
                wanted.rate_limit_per_minute, defaults.pool_rate_limit_per_minute
            ),
            over_limit=wanted.over_limit,
            critical_below_percent=wanted.critical_below_percent,
            naming_pattern=checked_pattern(wanted.naming_pattern),
            spare_count=wanted.spare_count,
            fallback_url=check_fallback_url(wanted.fallback_url) if wanted.fallback_url else None,
        )
        session.add(pool)
        flush_slug(session, slug)
        take_slug(session, slug, pool.id)
        _set_fallback_pool(session, caller, pool, wanted.fallback_pool_id)
        audit(session, caller, "pool_created", pool_id=pool.id, slug=slug)
        session.flush()
        pool.members = []
    publish(platform, [pool.id])
    return pool


def update_pool(platform: Platform, caller: Principal, pool_id: int, change: PoolChange) -> RedirectPool:
    """Change the given fields of a pool; a former slug keeps working. Raises as `create_pool` does."""
    given = change.model_fields_set
    with platform.database.transaction() as session:
        found = get_owned(session, caller, RedirectPool, pool_id)
        own_id, owner = found.id, found.account_id
        if "slug" in given:
            make_room_for_slug(session, platform.settings, owner, normalized_slug(change.slug))
        lock_pools(session, [own_id])
        pool = _with_members(session, own_id)
        for field in given.intersection(PLAIN):
            setattr(pool, field, getattr(change, field))
        if "strategy" in given:
            pool.distribution_strategy = change.strategy
        if "slug" in given:
            pool.slug = normalized_slug(change.slug)
            take_slug(session, pool.slug, pool.id)
        if "start_param" in given:
            pool.start_param = _checked_param(change.start_param)
        if "naming_pattern" in given:
            pool.naming_pattern = checked_pattern(change.naming_pattern)
        if "max_bots" in given:
            pool.max_bots = _checked_max_bots(pool, change.max_bots)
        if "fallback_url" in given:
            pool.fallback_url = check_fallback_url(change.fallback_url) if change.fallback_url else None
        if "fallback_pool_id" in given:
            _set_fallback_pool(session, caller, pool, change.fallback_pool_id)
        audit(
            session,
            caller,
            "pool_updated",
            account_id=pool.account_id,
            pool_id=pool.id,
            **change.model_dump(mode="json", exclude_unset=True),
        )
        session.flush()
        if "critical_below_percent" in given:
            follow_health(session, [pool.id])
    publish(platform, [pool.id])
    return pool


def delete_pool(platform: Platform, caller: Principal, pool_id: int) -> None:
    """Delete a pool with its members, clicks, slugs, rules and experiments, and the rules that lead to it.

    Raises Conflict "pool_in_experiment" while an experiment of another link sends visitors to it.
    """
    with platform.database.transaction() as session:
        pool = get_owned(session, caller, RedirectPool, pool_id)
        identity = pool.id
        _refuse_arm_at_work(session, identity)
        audit(
            session,
            caller,
            "pool_deleted",
            account_id=pool.account_id,
            pool_id=identity,
            slug=pool.slug,
            name=pool.name,
        )
        referring = session.scalars(
            select(RedirectPool.id)
            .where(RedirectPool.fallback_pool_id == identity)
            .union(select(PoolRule.pool_id).where(PoolRule.target_pool_id == identity))
        ).all()
        session.delete(pool)
    publish(platform, [identity, *referring])


def list_pools(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200
) -> list[RedirectPool]:
    """The caller's pools with an id above `after`, in order of id, with members and bots loaded."""
    with platform.database.reading() as session:
        query = (
            owned(caller, RedirectPool)
            .where(RedirectPool.id > after)
            .order_by(RedirectPool.id)
            .limit(limit)
            .options(
                selectinload(RedirectPool.members).options(
                    joinedload(PoolBot.bot), immediateload(PoolBot.pool)
                )
            )
        )
        return list(session.scalars(query))


def get_pool(platform: Platform, caller: Principal, pool_id: int) -> RedirectPool:
    """One pool of the caller's, with members and bots loaded; NotFound for anybody else's."""
    # An admin's access leaves an audit entry; an owner's look takes no write lock.
    with looking(platform, caller) as session:
        return _with_members(session, get_owned(session, caller, RedirectPool, pool_id).id)


def former_slugs(platform: Platform, pool: RedirectPool) -> list[str]:
    """The slugs that a pool had before and that still lead to it, oldest first."""
    with platform.database.reading() as session:
        query = select(PoolSlug.slug).where(PoolSlug.pool_id == pool.id, PoolSlug.slug != pool.slug)
        return list(session.scalars(query.order_by(PoolSlug.created_at, PoolSlug.slug)))


class PoolView(TypedDict):
    """A pool; `health` is in percent, `path` that of its public link. `naming_pattern` is that of its new bots' usernames,
    and of `spare_count` backups that are to stand by.
    """

    id: int
    name: str
    slug: str
    path: str
    strategy: Annotated[str, one_of(Strategy)]
    is_active: bool
    sticky: bool
    start_param: str
    tracking: bool
    max_bots: int
    rate_limit_per_minute: int
    over_limit: Annotated[str, one_of(OverLimit)]
    critical_below_percent: int
    fallback_url: str | None
    fallback_pool_id: int | None
    naming_pattern: str
    spare_count: int
    total_redirects: int
    health: int
    healthy_bots: int
    total_bots: int
    created_at: Moment
    updated_at: Moment


class PoolWholeView(PoolView):
    """A pool with its members."""

    former_slugs: list[str]
    members: list[MemberView]


def describe(pool: RedirectPool) -> PoolView:
    """The JSON of a pool, as the API and the panel show it."""
    return {
        "id": pool.id,
        "name": pool.name,
        "slug": pool.slug,
        "path": f"/go/{pool.slug}",
        "strategy": str(pool.distribution_strategy),
        "is_active": pool.is_active,
        "sticky": pool.sticky,
        "start_param": pool.start_param,
        "tracking": pool.tracking,
        "max_bots": pool.max_bots,
        "rate_limit_per_minute": pool.rate_limit_per_minute,
        "over_limit": str(pool.over_limit),
        "critical_below_percent": pool.critical_below_percent,
        "fallback_url": pool.fallback_url,
        "fallback_pool_id": pool.fallback_pool_id,
        "naming_pattern": pool.naming_pattern,
        "spare_count": pool.spare_count,
        "total_redirects": pool.total_redirects,
        "health": pool.health,
        "healthy_bots": pool.healthy_bots,
        "total_bots": pool.total_bots,
        "created_at": iso(pool.created_at),
        "updated_at": iso(pool.updated_at),
    }


def _with_members(session: Session, pool_id: int) -> RedirectPool:
    query = (
        select(RedirectPool)
        .where(RedirectPool.id == pool_id)
        .options(
            selectinload(RedirectPool.members).options(joinedload(PoolBot.bot), immediateload(PoolBot.pool))
        )
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).one()


def _set_fallback_pool(session: Session, caller: Principal, pool: RedirectPool, wanted: int | None) -> None:
    if wanted is not None:
        check_fallback_pool(session, caller, pool, wanted)
    pool.fallback_pool_id = wanted


def _checked_param(start_param: str) -> str:
    if looks_tracked(start_param):
        raise InvalidInput(
            "A start parameter must not end in '_' and 12 letters or digits: that is what a click's token looks like",
            field="start_param",
        )
    return start_param


def _refuse_arm_at_work(session: Session, pool_id: int) -> None:
    running = (
        select(Experiment.name)
        .join(ExperimentArm, ExperimentArm.experiment_id == Experiment.id)
        .where(ExperimentArm.pool_id == pool_id, Experiment.pool_id != pool_id, Experiment.is_active)
    )
    name = session.scalar(running.limit(1))
    if name is not None:
        raise Conflict(
            Text("The experiment '{name}' sends visitors to this pool; stop it first", name=name),
            code="pool_in_experiment",
        )


def _checked_max_bots(pool: RedirectPool, wanted: int) -> int:
    if wanted < len(pool.members):
        raise Conflict(
            Text("The pool has {count} bots; remove some before lowering the limit", count=len(pool.members)),
            code="pool_too_full",
            field="max_bots",
        )
    return wanted


def _or_default(value: int | None, default: int) -> int:
    return default if value is None else value
