"""Sending what is due: claim, send without a transaction, write down what came of it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from models import DeliveryStatus, NotificationDelivery, NotificationDestination
from services.alerts.dead_letters.store import cause_of
from services.alerts.notifications.backoff import wait_seconds
from services.alerts.notifications.claims import Claim, claim_due
from services.alerts.notifications.destinations.drivers import DRIVERS
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.messages import Receipt
from services.alerts.notifications.notify import notify
from services.core.errors import ConfigurationError, NotDelivered
from services.core.i18n import NO_TEXT, Text
from services.core.metrics import NOTIFICATION_SECONDS, NOTIFICATIONS_SENT, timed
from services.core.redaction import redact_text
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, wake

logger = logging.getLogger(__name__)
CONCURRENCY: Final = 8
LONGEST_RUN_SECONDS: Final = 60.0
LONGEST_ERROR: Final = 300  # characters of the column
DOORBELL: Final = "notifications"

Clock = Callable[[], datetime]
Chance = Callable[[], float]


def wake_if_due(platform: Platform) -> bool:
    """Ring for the sender when a delivery is due; True when a job was queued. Raises RedisError or Unavailable."""
    due = exists().where(
        NotificationDelivery.status == DeliveryStatus.PENDING,
        NotificationDelivery.next_attempt_at <= utc_now(),
    )
    with platform.database.reading() as session:
        if not session.scalar(select(due)):
            return False
    return wake(platform.redis, platform.job_redis, JobName.DELIVER_NOTIFICATIONS, DOORBELL)


def deliver_due(platform: Platform, *, clock: Clock = utc_now, chance: Chance = random.random) -> int:
    """Send everything that is due, eight messages at a time; how many arrived. Several workers may do so at once.

    Raises Unavailable when the database is away; whatever was claimed is due again three minutes later.
    """
    platform.redis.delete(keys.wakeup(DOORBELL, 0))
    deadline = time.monotonic() + LONGEST_RUN_SECONDS
    arrived = 0
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="notify") as executor:
        while time.monotonic() < deadline and (claims := claim_due(platform, clock())):
            outcomes = executor.map(lambda claim: _send(platform, claim, clock, chance), claims)
            arrived += sum(outcomes)
    return arrived


def _send(platform: Platform, claim: Claim, clock: Clock, chance: Chance) -> bool:
    result = attempt(platform, claim)
    with platform.database.transaction() as session:
        rows = _still_ours(session, claim)
        if rows:
            _settle(session, claim, rows, result, clock(), chance())
    return isinstance(result, Receipt)


def attempt(platform: Platform, claim: Claim) -> Receipt | NotDelivered:
    """Hand the message over once; its receipt, or why it did not arrive."""
    kind = claim.destination.kind
    try:
        with timed(NOTIFICATION_SECONDS, kind):
            receipt = DRIVERS[kind](platform, claim.destination, claim.message)
    except NotDelivered as error:
        NOTIFICATIONS_SENT.labels(kind, "refused" if error.permanent else "later").inc()
        return error
    except ConfigurationError as error:
        return NotDelivered(error.text)
    except Exception as error:  # noqa: BLE001  # a fault of ours: this message waits, and the others go out
        # Without the error's own words, which may hold what a destination's address keeps to itself.
        logger.error("the %s driver broke down: %s, %s", kind, type(error).__name__, cause_of(error))
        NOTIFICATIONS_SENT.labels(kind, "later").inc()
        return NotDelivered(
            Text("A fault on our side ({error}); the log knows more", error=type(error).__name__)
        )
    NOTIFICATIONS_SENT.labels(kind, "sent").inc()
    return receipt


def _still_ours(session: Session, claim: Claim) -> list[NotificationDelivery]:
    """The claimed rows, unless this worker slept so long that another one has them."""
    return list(
        session.scalars(
            select(NotificationDelivery)
            .where(
                NotificationDelivery.id.in_(claim.delivery_ids),
                NotificationDelivery.status == DeliveryStatus.PENDING,
                NotificationDelivery.attempts == claim.attempt,
            )
            .with_for_update()
        )
    )


def _settle(
    session: Session,
    claim: Claim,
    rows: list[NotificationDelivery],
    result: Receipt | NotDelivered,
    now: datetime,
    chance: float,
) -> None:
    destination = session.get(NotificationDestination, claim.destination.id)
    if destination is None:
        return
    note_outcome(destination, result, now)
    if isinstance(result, Receipt):
        for row in rows:
            row.status, row.sent_at, row.last_error = DeliveryStatus.SENT, now, NO_TEXT
            row.hold, row.sent_as = "", result.sent_as
        _changed_since(session, claim, result)
        return
    wait = None if result.permanent else wait_seconds(claim.attempt, chance, result.retry_after)
    for row in rows:
        row.last_error, row.hold = destination.last_error, ""
        if wait is None:
            row.status = DeliveryStatus.FAILED
        else:
            row.next_attempt_at = now + timedelta(seconds=wait)
    logger.warning(
        "notification to destination %d %s: %s",
        destination.id,
        "given up" if wait is None else f"repeated in {wait:.0f} s",
        redact_text(result.message),
    )
    if wait is None:
        _tell_owner(session, destination, now)


def _changed_since(session: Session, claim: Claim, receipt: Receipt) -> None:
    """Where a message was sent anew in place of a former one, what that told is part of the new one."""
    former = claim.message.previous
    if former and receipt.sent_as != former:
        session.execute(
            update(NotificationDelivery)
            .where(
                NotificationDelivery.destination_id == claim.destination.id,
                NotificationDelivery.sent_as == former,
            )
            .values(sent_as=receipt.sent_as)
        )


def note_outcome(destination: NotificationDestination, result: Receipt | NotDelivered, now: datetime) -> None:
    """Keep with the destination how the last message to it fared, for the panel."""
    if isinstance(result, Receipt):
        destination.last_sent_at, destination.last_error = now, _fitting(result.note)
    else:
        destination.last_error = _fitting(result.text)
    if destination.last_error:
        destination.last_error_at = now
    destination.is_refused = isinstance(result, NotDelivered) and result.permanent


def _fitting(text: Text) -> Text:
    return text.changed(redact_text).fitting(LONGEST_ERROR)


def _tell_owner(session: Session, destination: NotificationDestination, now: datetime) -> None:
    """Once a day and destination: in the panel, and through the destinations that still work."""
    kind = Kind.DESTINATION_FAILED
    notify(
        session,
        destination.account_id,
        kind,
        kind.level,
        f"{kind}:{destination.id}:{now:%Y-%m-%d}",
        {"destination": destination.name or destination.address, "error": destination.last_error},
        at=now,
        exclude=destination.id,
    )
