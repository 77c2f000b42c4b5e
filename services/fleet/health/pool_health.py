"""A pool's health and its cached copy in the pool's row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.orm import Session

from models import MemberStatus, PoolBot, RedirectPool
from services.fleet.health.breaker import LAYER_CAUSES


@dataclass(frozen=True)
class PoolHealth:
    """`online` of `total` enabled, undrained members; a banned one counts in `total`.

    `in_doubt` of them are about to be looked at: not checked yet, or after one failed check, for seconds.
    """

    online: int
    total: int
    in_doubt: int = 0

    @property
    def percent(self) -> int:
        """floor(100 × online / total); 0 for a pool without members."""
        return _percent(self.online, self.total)

    def is_below(self, percent: int) -> bool:
        """Whether health is below `percent` whatever comes of those in doubt; a pool without members has none."""
        return self.total > 0 and _percent(self.online + self.in_doubt, self.total) < percent


def _percent(part: int, total: int) -> int:
    return 100 * part // total if total else 0


def counts(member: PoolBot) -> bool:
    """Whether a member counts in its pool's health: enabled and neither draining nor of weight 0."""
    return member.is_enabled and not member.draining and member.weight > 0


def health_of(members: Iterable[PoolBot]) -> PoolHealth:
    """The health that these members of one pool make."""
    counted = [member for member in members if counts(member)]
    return PoolHealth(sum(member.status == MemberStatus.ONLINE for member in counted), len(counted))


def refresh_pool_health(session: Session, pool_ids: Iterable[int]) -> dict[int, PoolHealth]:
    """Recompute the cached health of pools in the caller's transaction; returns it by pool id.

    To be called by whatever changes members or their states. The pool's `updated_at` is left alone.
    """
    wanted = sorted(set(pool_ids))
    session.flush()
    counted = (PoolBot.is_enabled, ~PoolBot.draining, PoolBot.weight > 0)
    online = func.sum(case((PoolBot.status == MemberStatus.ONLINE, 1), else_=0))
    rechecked = (PoolBot.status == MemberStatus.DEGRADED) & PoolBot.status_cause.not_in(LAYER_CAUSES)
    in_doubt = func.sum(case((or_(PoolBot.status == MemberStatus.CHECKING, rechecked), 1), else_=0))
    rows = session.execute(
        select(PoolBot.pool_id, online, func.count(), in_doubt)
        .where(PoolBot.pool_id.in_(wanted), *counted)
        .group_by(PoolBot.pool_id)
    )
    found = {row[0]: PoolHealth(int(row[1]), int(row[2]), int(row[3])) for row in rows}
    health = {pool_id: found.get(pool_id, PoolHealth(0, 0)) for pool_id in wanted}
    for pool_id, now in health.items():
        _store(session, pool_id, now)
    return health


def _store(session: Session, pool_id: int, health: PoolHealth) -> None:
    session.execute(
        update(RedirectPool)
        .where(RedirectPool.id == pool_id)
        .values(
            health=health.percent,
            healthy_bots=health.online,
            total_bots=health.total,
            updated_at=RedirectPool.updated_at,
        )
        .execution_options(synchronize_session=False)
    )
