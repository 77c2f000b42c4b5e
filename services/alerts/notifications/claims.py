"""Taking due deliveries, several to a message, so that no other worker takes them.

A claim is a commit: attempts counted, next attempt moved behind the longest send. A worker that dies while sending
leaves the delivery to be taken again with the same message key: at least once, and recognisable.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from models import (
    Account,
    DeliveryStatus,
    DestinationKind,
    Notification,
    NotificationDelivery,
    NotificationDestination,
)
from services.alerts.notifications.backoff import MAX_ATTEMPTS
from services.alerts.notifications.incidents import numbers_of
from services.alerts.notifications.kinds import Level
from services.alerts.notifications.links import link_of
from services.alerts.notifications.messages import Event, Message
from services.alerts.notifications.notify import text_of
from services.alerts.notifications.quiet import QuietHours, quiet_ends
from services.core.i18n import Text, translate
from services.platform.platform import Platform

CLAIM_SECONDS: Final = 180.0  # many times what a round of sends takes
LOOKED_AT: Final = 200
MESSAGES: Final = 16  # in one round
EVENTS: Final = 20  # in one message: about 3,000 characters, Telegram takes 4,096
QUIET, SENDING = "quiet", "sending"  # why a row waits
EARLIER: Final = 60  # events of an incident that a message still tells of
LOOK_AGAIN = timedelta(seconds=15)  # how long a recovery waits at most before it looks for its alarm again


@dataclass(frozen=True)
class Claim:
    """A message that this worker alone sends. `attempt` fences the outcome: a later claim has a higher one."""

    destination: NotificationDestination
    message: Message
    delivery_ids: tuple[int, ...]
    attempt: int


def claim_due(platform: Platform, now: datetime) -> list[Claim]:
    """Claim up to 16 messages that are due; an empty list when nothing is."""
    with platform.database.transaction() as session:
        ready = [row for row in _due(session, now) if _is_ready(session, row, now)]
        groups = _grouped(session, ready, now)[:MESSAGES]
        return [_claimed(session, rows, now, platform.settings.public_url) for rows in groups]


def _due(session: Session, now: datetime) -> Sequence[NotificationDelivery]:
    return session.scalars(
        _pending()
        .where(NotificationDelivery.next_attempt_at <= now)
        .order_by(NotificationDelivery.next_attempt_at, NotificationDelivery.id)
        .limit(LOOKED_AT)
    ).all()


def _pending() -> Select[NotificationDelivery]:
    return (
        select(NotificationDelivery)
        .where(NotificationDelivery.status == DeliveryStatus.PENDING)
        .options(
            joinedload(NotificationDelivery.notification, innerjoin=True),
            joinedload(NotificationDelivery.destination, innerjoin=True),
        )
        .with_for_update(skip_locked=True, of=NotificationDelivery)
    )


def _is_ready(session: Session, row: NotificationDelivery, now: datetime) -> bool:
    """Whether a due delivery is to be sent now; otherwise it is put off or ended here."""
    if not row.destination.is_enabled or not row.destination.address:
        return _end(row, DeliveryStatus.SKIPPED, Text("The destination is switched off"))
    if row.attempts >= MAX_ATTEMPTS:
        return _end(row, DeliveryStatus.FAILED, row.last_error or Text("The worker ended while sending"))
    ends = _quiet_ends(session, row, now)
    if (
        ends is not None
    ):  # the critical ones of its message may go on without it: then it is of another message
        row.hold, row.next_attempt_at, row.message = QUIET, ends, ""
        return False
    row.hold = ""
    if row.alarm_id is not None and not _follows(session, row, now):
        return False
    return row.message != "" or not _rides_along(session, row, now)


def _rides_along(session: Session, row: NotificationDelivery, now: datetime) -> bool:
    """Whether a message of the same incident is still on its way to a chat, which it would change: it becomes part of it.

    While that one is being sent or settled, it is waited for. A critical one has it tried again at once.
    """
    if row.destination.kind != DestinationKind.TELEGRAM or not row.group:
        return False
    on_its_way = select(NotificationDelivery).where(
        NotificationDelivery.destination_id == row.destination_id,
        NotificationDelivery.group == row.group,
        NotificationDelivery.status == DeliveryStatus.PENDING,
        NotificationDelivery.message != "",
    )
    ahead = session.scalars(on_its_way).all()
    if not ahead:
        return False
    held = session.scalars(on_its_way.with_for_update(skip_locked=True)).all()
    is_sending = ahead[0].hold == SENDING and ahead[0].next_attempt_at > now
    if is_sending or len(held) < len(ahead):
        row.next_attempt_at = now + timedelta(seconds=1)
        return True
    at = now if _is_critical(session, row) else ahead[0].next_attempt_at
    row.message = ahead[0].message
    for one in (row, *ahead):
        one.next_attempt_at = at
    return True


def _follows(session: Session, row: NotificationDelivery, now: datetime) -> bool:
    """A recovery never overtakes its alarm, and is pointless when the alarm did not arrive."""
    alarm = session.get(NotificationDelivery, row.alarm_id)
    if alarm is None or alarm.status == DeliveryStatus.SENT:
        return True
    if alarm.status != DeliveryStatus.PENDING:
        return _end(row, DeliveryStatus.SKIPPED, Text("The alarm was not delivered"))
    if not alarm.message and alarm.next_attempt_at <= now:
        return True  # they go out together
    row.next_attempt_at = min(alarm.next_attempt_at + timedelta(seconds=1), now + LOOK_AGAIN)
    return False


def _end(row: NotificationDelivery, status: DeliveryStatus, reason: Text) -> bool:
    row.status, row.last_error, row.hold = status, reason, ""
    return False


def _quiet_ends(session: Session, row: NotificationDelivery, now: datetime) -> datetime | None:
    place = row.destination
    if not place.quiet_from or (place.critical_passes and _is_critical(session, row)):
        return None
    begin, end = (time.fromisoformat(text) for text in (place.quiet_from, place.quiet_until))
    return quiet_ends(QuietHours(begin, end, ZoneInfo(place.time_zone)), now)


def _is_critical(session: Session, row: NotificationDelivery) -> bool:
    """Whether it may wake somebody; whom a critical alarm woke may also hear of its end."""
    alarm = session.get(NotificationDelivery, row.alarm_id) if row.alarm_id else None
    return Level.CRITICAL in {one.notification.level for one in (row, alarm) if one is not None}


def _grouped(
    session: Session, ready: Iterable[NotificationDelivery], now: datetime
) -> list[list[NotificationDelivery]]:
    """Rows that make one message each: those of an earlier attempt as they were, fresh ones by destination and incident.

    News of neither bot nor pool share a message, unless they change one that was sent.
    """
    groups: dict[tuple[int, str, int, str], list[NotificationDelivery]] = {}
    for row in ready:
        previous = "" if row.group else _sent_as(session, row)
        groups.setdefault((row.destination_id, row.message, row.group, previous), []).append(row)
    for (destination_id, message, group, previous), rows in groups.items():
        if not message and not previous:
            rows.extend(_following(session, destination_id, group, now, len(rows)))
            rows.sort(key=lambda row: row.notification_id)
            del rows[EVENTS:]
    return list(groups.values())


def _following(
    session: Session, destination_id: int, group: int, now: datetime, taken: int
) -> Sequence[NotificationDelivery]:
    """What came within the grouping time of the first: not yet due itself, but it need not be a message of its own."""
    rows = session.scalars(
        _pending()
        .where(
            NotificationDelivery.destination_id == destination_id,
            NotificationDelivery.group == group,
            NotificationDelivery.message == "",
            NotificationDelivery.hold == "",
            NotificationDelivery.next_attempt_at > now,
        )
        .order_by(NotificationDelivery.id)
        .limit(max(0, EVENTS - taken))
    ).all()
    return [row for row in rows if _is_ready(session, row, now)]


def _claimed(session: Session, rows: Sequence[NotificationDelivery], now: datetime, public_url: str) -> Claim:
    key = rows[0].message or f"msg_{secrets.token_hex(12)}"
    attempt = max(row.attempts for row in rows) + 1
    for row in rows:
        row.message, row.attempts, row.hold = key, attempt, SENDING
        row.next_attempt_at = now + timedelta(seconds=CLAIM_SECONDS)
    destination = rows[0].destination
    account = session.get_one(Account, destination.account_id)
    previous = _sent_as(session, rows[0])
    former = _earlier(session, rows[0], previous)
    whole = [row.notification for row in (*former, *rows)]
    now_of = {} if destination.kind == DestinationKind.WEBHOOK else numbers_of(whole)
    events, earlier = (
        tuple(_event(row, account.language, public_url, now_of) for row in part) for part in (rows, former)
    )
    message = Message(key, account.language, events, ZoneInfo(destination.time_zone), earlier, previous)
    return Claim(destination, message, tuple(row.id for row in rows), attempt)


def _sent_as(session: Session, row: NotificationDelivery) -> str:
    """What the last message to the same chat about the same incident was sent as; "" where there is none to change."""
    if row.destination.kind != DestinationKind.TELEGRAM:
        return ""
    sent = (
        select(NotificationDelivery.sent_as)
        .join(NotificationDelivery.notification)
        .where(
            NotificationDelivery.destination_id == row.destination_id,
            Notification.incident == row.notification.incident,
            NotificationDelivery.status == DeliveryStatus.SENT,
            NotificationDelivery.sent_as != "",
        )
    )
    return session.scalar(sent.order_by(NotificationDelivery.sent_at.desc()).limit(1)) or ""


def _earlier(session: Session, row: NotificationDelivery, previous: str) -> list[NotificationDelivery]:
    """What its reader was sent before and sees again: in the message that changes, in the mail that follows another."""
    if row.destination.kind == DestinationKind.WEBHOOK or not (previous or row.group):
        return []
    same = NotificationDelivery.sent_as == previous if previous else (NotificationDelivery.group == row.group)
    found = session.scalars(
        select(NotificationDelivery)
        .where(
            NotificationDelivery.destination_id == row.destination_id,
            NotificationDelivery.status == DeliveryStatus.SENT,
            same,
        )
        .options(joinedload(NotificationDelivery.notification, innerjoin=True))
        .order_by(NotificationDelivery.notification_id.desc())
        .limit(EARLIER)
    )
    return list(reversed(found.all()))


def _event(
    row: NotificationDelivery, locale: str, public_url: str, now_of: Mapping[int | None, Mapping[str, Any]]
) -> Event:
    told = row.notification
    return Event(
        told.id,
        told.kind,
        told.level,
        told.at,
        told.pool_id,
        told.bot_id,
        {
            name: translate(value, locale) if isinstance(value, Text) else value
            for name, value in told.params.items()
        },
        translate(text_of(told, now_of.get(told.pool_id)), locale),
        link_of(told, public_url),
        told.incident or told.id,
    )
