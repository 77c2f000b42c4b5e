"""Which changes of health the owner is told of: one notification per change, a recovery after each alarm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import MemberStatus, Notification, PoolBot, RedirectPool
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.fleet.health.breaker import CONVERSION_CAUSE, DELIVERY_CAUSE
from services.fleet.health.pool_health import PoolHealth, refresh_pool_health

LOST = (MemberStatus.OFFLINE, MemberStatus.BANNED)
CLEARED = {CONVERSION_CAUSE: "conversion_recovered", DELIVERY_CAUSE: "delivery_recovered"}


@dataclass(frozen=True)
class Change:
    """One member's new status."""

    member: PoolBot
    before: MemberStatus
    after: MemberStatus
    cause: str
    at: datetime

    @property
    def is_loss(self) -> bool:
        """Whether the member left the rotation for good or for a hold."""
        return self.after in LOST

    @property
    def is_return(self) -> bool:
        """Whether a member that had been lost is online again."""
        return self.before in LOST and self.after is MemberStatus.ONLINE


def alert_changes(session: Session, changes: Iterable[Change], health: Mapping[int, PoolHealth]) -> None:
    """Tell the owners of losses, bans, returns and of pools that became critical; `health` is the one after them."""
    seen: dict[int, RedirectPool] = {}
    for change in changes:
        pool = change.member.pool
        seen[pool.id] = pool
        _alert_member(session, change, pool, health[pool.id])
    for pool_id, pool in seen.items():
        _alert_pool(session, pool, health[pool_id])


def follow_health(session: Session, pool_ids: Iterable[int]) -> None:
    """Recompute the health of pools that their owner's hand changed, and tell what became of it.

    The pools must be locked by the caller, so that nobody is told twice.
    """
    for pool_id, health in refresh_pool_health(session, pool_ids).items():
        _alert_pool(session, session.get_one(RedirectPool, pool_id), health)


def alert_traffic(session: Session, pool: RedirectPool, since: datetime, *, over: bool) -> None:
    """All members of a pool fell in conversion together at `since`, or that is `over`: traffic or offer."""
    kind = Kind.TRAFFIC_NORMAL if over else Kind.TRAFFIC_ANOMALY
    notify(
        session,
        account_id=pool.account_id,
        kind=kind,
        level=kind.level,
        dedupe_key=f"{kind}:{pool.id}:{since.timestamp():.3f}",
        params={"pool": pool.name},
        pool_id=pool.id,
    )


def _kind_of(change: Change) -> Kind | None:
    if change.is_return:
        return Kind.MEMBER_ONLINE
    if change.after is MemberStatus.BANNED:
        return Kind.MEMBER_BANNED
    if change.after is MemberStatus.OFFLINE:
        return None if change.before is MemberStatus.BANNED else Kind.MEMBER_OFFLINE
    if change.after is MemberStatus.SUSPECT:
        return Kind.MEMBER_SUSPECT if change.before is not MemberStatus.DEGRADED else None
    if change.after is MemberStatus.DEGRADED and change.before is not MemberStatus.SUSPECT:
        by_layer = {CONVERSION_CAUSE: Kind.MEMBER_CONVERSION, DELIVERY_CAUSE: Kind.MEMBER_DELIVERY}
        return by_layer.get(change.cause)
    return Kind.MEMBER_CLEARED if change.cause in CLEARED.values() else None


def _alert_member(session: Session, change: Change, pool: RedirectPool, health: PoolHealth) -> None:
    kind = _kind_of(change)
    if kind is None:
        return
    bot = change.member.bot
    reason = bot.delivery_cause if change.cause == DELIVERY_CAUSE else ""
    notify(
        session,
        account_id=pool.account_id,
        kind=kind,
        level=kind.level,
        dedupe_key=f"{kind}:{change.member.id}:{change.at.timestamp():.3f}",
        params={"bot": bot.username, "cause": change.cause, "reason": reason, **about(pool, health)},
        pool_id=pool.id,
        bot_id=change.member.bot_id,
        at=change.at,
    )


def _alert_pool(session: Session, pool: RedirectPool, health: PoolHealth) -> None:
    """`pool_critical` once when the pool is below its threshold, for whatever reason, and `pool_recovered` once it is back."""
    last = session.scalar(
        select(Notification)
        .where(
            Notification.pool_id == pool.id,
            Notification.kind.in_([Kind.POOL_CRITICAL, Kind.POOL_RECOVERED]),
        )
        .order_by(Notification.id.desc())
        .limit(1)
    )
    alarmed = last is not None and last.kind == Kind.POOL_CRITICAL
    threshold = pool.critical_below_percent
    if not alarmed and health.is_below(threshold):
        kind = Kind.POOL_CRITICAL
    elif alarmed and health.total and health.percent >= threshold:
        kind = Kind.POOL_RECOVERED
    else:
        return
    notify(
        session,
        account_id=pool.account_id,
        kind=kind,
        level=kind.level,
        dedupe_key=f"{kind}:{pool.id}:{last.id if last else 0}",
        params=about(pool, health),
        pool_id=pool.id,
    )


def about(pool: RedirectPool, health: PoolHealth) -> dict[str, object]:
    """The parameters that every text about a pool's health has."""
    return {"pool": pool.name, "health": health.percent, "online": health.online, "total": health.total}
