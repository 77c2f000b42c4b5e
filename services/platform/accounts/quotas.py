"""How many of each kind an account may have (QUOTA_…): so that one tenant alone fills neither database nor processes."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from models import Account, ApiKey, Bot, Experiment, Flow, NotificationDestination, PoolSlug, RedirectPool
from services.core.errors import Conflict
from services.core.i18n import N_, Text
from services.core.settings import Settings
from services.core.times import utc_now


class Quota(StrEnum):
    """What is counted; the setting is `quota_<name>`, 0 means without end."""

    BOTS = "bots"
    POOLS = "pools"
    SLUGS = "slugs"  # former ones too: they keep working
    API_KEYS = "api_keys"  # in force
    DESTINATIONS = "destinations"
    EXPERIMENTS = "experiments"
    FLOWS = "flows"


EXCEEDED: Final = {
    Quota.BOTS: N_(
        "QUOTA_BOTS allows {most}, and this account has {count}: delete a bot, or have the setting raised"
    ),
    Quota.POOLS: N_(
        "QUOTA_POOLS allows {most}, and this account has {count}: delete a pool, or have the setting raised"
    ),
    Quota.SLUGS: N_(
        "QUOTA_SLUGS allows {most}, and this account has {count}, former ones included: delete a pool, or have the setting raised"
    ),
    Quota.API_KEYS: N_(
        "QUOTA_API_KEYS allows {most}, and this account has {count}: revoke a key, or have the setting raised"
    ),
    Quota.DESTINATIONS: N_(
        "QUOTA_DESTINATIONS allows {most}, and this account has {count}: delete a destination, or have the setting raised"
    ),
    Quota.EXPERIMENTS: N_(
        "QUOTA_EXPERIMENTS allows {most}, and this account has {count}: delete an experiment, or have the setting raised"
    ),
    Quota.FLOWS: N_(
        "QUOTA_FLOWS allows {most}, and this account has {count}: delete a flow, or have the setting raised"
    ),
}


def make_room(session: Session, settings: Settings, account_id: int, quota: Quota) -> None:
    """Make sure, before one more is added in the caller's transaction, that the account may have it.

    Raises Conflict `quota_exceeded`. Until the commit nobody else adds to the account, so two processes do not go over it
    together. To be called before other rows are locked.
    """
    most: int = getattr(settings, f"quota_{quota}")
    if not most:
        return
    lock_account(session, account_id)
    count = session.scalar(COUNTS[quota](account_id)) or 0
    if count >= most:
        raise Conflict(Text(EXCEEDED[quota], count=count, most=most), code="quota_exceeded")


def lock_account(session: Session, account_id: int) -> None:
    """Let one transaction after the other make what belongs to the account; rows that only refer to it may come."""
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))


def _rows(table: Any, account_id: int, *conditions: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(table).where(table.account_id == account_id, *conditions)


def _slugs(account_id: int) -> Select[int]:
    pools = select(RedirectPool.id).where(RedirectPool.account_id == account_id)
    return select(func.count()).select_from(PoolSlug).where(PoolSlug.pool_id.in_(pools))


def _keys(account_id: int) -> Select[int]:
    in_force = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > utc_now())
    return _rows(ApiKey, account_id, ApiKey.revoked_at.is_(None), in_force)


COUNTS: Final[dict[Quota, Callable[[int], Select[int]]]] = {
    Quota.BOTS: lambda account_id: _rows(Bot, account_id, ~Bot.is_manager),
    Quota.POOLS: lambda account_id: _rows(RedirectPool, account_id),
    Quota.SLUGS: _slugs,
    Quota.API_KEYS: _keys,
    Quota.DESTINATIONS: lambda account_id: _rows(NotificationDestination, account_id),
    Quota.EXPERIMENTS: lambda account_id: _rows(Experiment, account_id),
    Quota.FLOWS: lambda account_id: _rows(Flow, account_id),
}
