"""Which destinations a notification goes to, and when: rows in the transaction of the notification itself.

- An alarm goes to the destinations whose rules want it. One that comes again within the cool-down waits for its end.
- A recovery goes to those, and only those, that got the alarm or are about to. An alarm still held back by the
  cool-down is dropped together with its recovery: a bot that flaps sends one pair of messages, not twenty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, selectinload

from models import (
    DeliveryStatus,
    Notification,
    NotificationDelivery,
    NotificationDestination,
    NotificationRule,
)
from services.alerts.notifications.kinds import ALARMS_OF, Kind, Level
from services.core.i18n import Text

GROUP_SECONDS: Final = (
    5.0  # what happens of one incident within this time is one message; a sweep's changes come at once
)
COOL_DOWN = timedelta(minutes=10)  # the longest hold of the circuit breaker
COOLING: Final = "cooldown"
GRAVITY: Final = {Level.INFO: 0, Level.WARNING: 1, Level.CRITICAL: 2}
AHEAD: Final = (DeliveryStatus.SENT, DeliveryStatus.PENDING)


@dataclass(frozen=True)
class PlannedNotification:
    """A notification that was just added to the session's transaction.

    `subject` is what it is about where that is neither pool nor bot; the dedupe keys of such notifications hold it.
    """

    id: int
    account_id: int
    kind: str
    level: str
    pool_id: int | None
    bot_id: int | None
    at: datetime
    subject: str = ""
    incident: int = 0

    @property
    def group(self) -> int:
        """What shares messages: an incident of a bot or pool; all that is about neither."""
        return self.incident if self.pool_id or self.bot_id else 0


def plan_deliveries(session: Session, news: PlannedNotification, *, exclude: int | None = None) -> int:
    """Add a delivery per destination that should have `news`, in the caller's transaction; how many. `exclude` gets none."""
    destinations = [one for one in _reachable(session, news.account_id) if one.id != exclude]
    if not destinations:
        return 0
    if news.kind in ALARMS_OF:
        return _plan_recovery(session, news, destinations)
    wanted = [one for one in destinations if wants(one.rules, news.kind, news.level, news.pool_id)]
    cooling = _cooling(session, news, wanted)
    for destination in wanted:
        _add(session, news, destination.id, cools_until=cooling.get(destination.id))
    return len(wanted)


def wants(rules: Sequence[NotificationRule], kind: str, level: str, pool_id: int | None) -> bool:
    """Whether one of the rules matches; no rules at all want everything."""
    return not rules or any(_matches(rule, kind, level, pool_id) for rule in rules)


def _matches(rule: NotificationRule, kind: str, level: str, pool_id: int | None) -> bool:
    if rule.kind is not None and rule.kind != kind:
        return False
    if rule.min_level is not None and GRAVITY[Level(level)] < GRAVITY[Level(rule.min_level)]:
        return False
    return rule.pool_id is None or rule.pool_id == pool_id


def _reachable(session: Session, account_id: int) -> Sequence[NotificationDestination]:
    return session.scalars(
        select(NotificationDestination)
        .where(
            NotificationDestination.account_id == account_id,
            NotificationDestination.is_enabled,
            NotificationDestination.address != "",
        )
        .options(selectinload(NotificationDestination.rules))
        .order_by(NotificationDestination.id)
    ).all()


def _plan_recovery(
    session: Session, news: PlannedNotification, destinations: Sequence[NotificationDestination]
) -> int:
    alarmed: dict[int, NotificationDelivery] = {}
    for delivery in _alarms(session, news, destinations):
        if delivery.hold == COOLING and delivery.attempts == 0:
            delivery.status, delivery.hold = DeliveryStatus.SKIPPED, ""
            delivery.last_error = Text("Recovered within the cool-down")
        else:
            alarmed[delivery.destination_id] = delivery
    for destination_id, alarm in alarmed.items():
        _add(session, news, destination_id, alarm_id=alarm.id)
    return len(alarmed)


def _alarms(
    session: Session, news: PlannedNotification, destinations: Sequence[NotificationDestination]
) -> Sequence[NotificationDelivery]:
    """Deliveries, sent or still to be sent, of the alarms since the last recovery, oldest first."""
    since = session.scalar(
        select(func.max(Notification.id)).where(
            Notification.id < news.id, Notification.kind == news.kind, *same_subject(news)
        )
    )
    return session.scalars(
        _deliveries_to(destinations)
        .where(
            Notification.id > (since or 0),
            Notification.kind.in_(ALARMS_OF[Kind(news.kind)]),
            *same_subject(news),
        )
        .order_by(NotificationDelivery.id)
    ).all()


def _cooling(
    session: Session, news: PlannedNotification, destinations: Sequence[NotificationDestination]
) -> dict[int, datetime]:
    """Destination id -> end of its cool-down for this kind and subject, where one runs."""
    former = session.execute(
        _deliveries_to(destinations)
        .where(
            Notification.id < news.id,
            Notification.kind == news.kind,
            Notification.at > news.at - COOL_DOWN,
            *same_subject(news),
        )
        .order_by(Notification.at)
        .with_only_columns(NotificationDelivery.destination_id, Notification.at)
    )
    return {destination_id: at + COOL_DOWN for destination_id, at in former}


def _deliveries_to(destinations: Iterable[NotificationDestination]) -> Select[NotificationDelivery]:
    return (
        select(NotificationDelivery)
        .join(Notification, Notification.id == NotificationDelivery.notification_id)
        .where(
            NotificationDelivery.destination_id.in_([one.id for one in destinations]),
            NotificationDelivery.status.in_(AHEAD),
        )
    )


def same_subject(news: PlannedNotification) -> tuple[ColumnElement[bool], ...]:
    """Conditions of notifications of the account about the very same thing."""
    about = Notification.dedupe_key.contains(f":{news.subject}:", autoescape=True)
    return (
        *([about] if news.subject else []),
        Notification.account_id == news.account_id,
        Notification.pool_id.is_not_distinct_from(news.pool_id),
        Notification.bot_id.is_not_distinct_from(news.bot_id),
    )


def _add(
    session: Session,
    news: PlannedNotification,
    destination_id: int,
    *,
    cools_until: datetime | None = None,
    alarm_id: int | None = None,
) -> None:
    session.add(
        NotificationDelivery(
            notification_id=news.id,
            destination_id=destination_id,
            alarm_id=alarm_id,
            group=news.group,
            hold=COOLING if cools_until else "",
            next_attempt_at=cools_until or news.at + timedelta(seconds=GROUP_SECONDS),
            created_at=news.at,
        )
    )
