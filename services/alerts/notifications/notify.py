"""Telling an account of something, once per change, and reading it in the panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models import Account, Notification
from services.alerts.notifications.incidents import join_incident
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.planning import PlannedNotification, plan_deliveries
from services.alerts.notifications.texts import parameters_of, sentence
from services.core.i18n import Text
from services.core.times import utc_now
from services.platform.accounts.principal import Principal
from services.platform.database import insert_of
from services.platform.platform import Platform

MOST_LISTED = 201  # a page of the API and the row that shows there is more


def notify(
    session: Session,
    account_id: int,
    kind: str,
    level: str,
    dedupe_key: str,
    params: Mapping[str, Any],
    pool_id: int | None = None,
    bot_id: int | None = None,
    at: datetime | None = None,
    exclude: int | None = None,
    subject: str = "",
) -> bool:
    """Add a notification and its deliveries to the caller's transaction; False when `dedupe_key` was already told of.

    `params` fills the text of `kind`, has exactly its `parameters_of`, else ValueError, and must hold no secret. The destination `exclude` gets none. What is about neither
    a pool nor a bot names its `subject`, also in the key, between colons: alarm and recovery find each other by it.
    """
    if set(params) != (shape := parameters_of(Kind(kind))):
        raise ValueError(f"a notification {kind} has {sorted(shape)}, not {sorted(params)}")
    moment = at or utc_now()
    statement = (
        insert_of(session, Notification)
        .values(
            account_id=account_id,
            kind=str(kind),
            level=str(level),
            dedupe_key=dedupe_key[:100],
            params=dict(params),
            pool_id=pool_id,
            bot_id=bot_id,
            at=moment,
        )
        .on_conflict_do_nothing(index_elements=["dedupe_key"])
        .returning(Notification.id)
    )
    added = session.scalar(statement)
    if added is None:
        return False
    news = PlannedNotification(added, account_id, str(kind), str(level), pool_id, bot_id, moment, subject)
    plan_deliveries(session, replace(news, incident=join_incident(session, news)), exclude=exclude)
    return True


def notify_administrators(
    platform: Platform, kind: Kind, params: Mapping[str, Any], *, period: str = "%Y-%m-%dT%H"
) -> None:
    """Tell every administrator of something about the installation, once an hour at most. Raises Unavailable.

    `period`, a format of the time, makes it another stretch than the hour.
    """
    with platform.database.transaction() as session:
        for account_id in session.scalars(select(Account.id).where(Account.is_admin)).all():
            key = f"{kind}:{account_id}:{utc_now().strftime(period)}"
            notify(session, account_id, kind, kind.level, key, params)


def recent(
    platform: Platform, caller: Principal, limit: int = 50, *, before: int | None = None
) -> list[Notification]:
    """The caller's newest notifications, newest first, at most 201; with `before` those older than that id."""
    query = select(Notification).where(Notification.account_id == caller.account_id)
    if before is not None:
        query = query.where(Notification.id < before)
    with platform.database.reading() as session:
        found = session.scalars(query.order_by(Notification.id.desc()).limit(max(1, min(limit, MOST_LISTED))))
        return list(found)


def unread_count(platform: Platform, caller: Principal) -> int:
    """How many of the caller's notifications were not read yet."""
    with platform.database.reading() as session:
        count = session.scalar(
            select(func.count()).where(
                Notification.account_id == caller.account_id, Notification.read_at.is_(None)
            )
        )
        return int(count or 0)


def mark_read(platform: Platform, caller: Principal, ids: Iterable[int] | None = None) -> int:
    """Mark the caller's notifications read, all or those named; returns how many were unread. Others' are left alone."""
    statement = update(Notification).where(
        Notification.account_id == caller.account_id, Notification.read_at.is_(None)
    )
    if ids is not None:
        statement = statement.where(Notification.id.in_(list(ids)))
    with platform.database.transaction() as session:
        marked = session.scalars(statement.values(read_at=utc_now()).returning(Notification.id)).all()
        return len(marked)


def text_of(notification: Notification, now: Mapping[str, Any] | None = None) -> Text:
    """What the notification says, with the values of `now` in place of its own where they are newer."""
    return sentence(Kind(notification.kind), {**notification.params, **(now or {})})
