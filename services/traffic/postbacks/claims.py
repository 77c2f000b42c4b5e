"""Taking due deliveries of postbacks, so that no other worker takes them: a commit, as for notifications.

A worker that dies while sending leaves the delivery to be taken again with the same event id, by which the receiver knows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models import DeliveryStatus, Goal, Postback, PostbackDelivery, PostbackEvent
from services.alerts.notifications.backoff import MAX_ATTEMPTS
from services.core.i18n import Text
from services.platform.platform import Platform
from services.traffic.postbacks.facts import EventFacts
from services.traffic.postbacks.looking_up import facts_of
from services.traffic.postbacks.planning import Happened, wants

CLAIM_SECONDS: Final = 120.0  # several times what a round of sends takes
AT_ONCE: Final = (
    24  # three sends after each other of ten seconds at most: what comes due meanwhile waits that long
)
GONE: Final = Text("What it told of is not there any more")


@dataclass(frozen=True)
class Claim:
    """A delivery that this worker alone sends. `attempt` fences the outcome: a later claim has a higher one."""

    delivery_id: int
    attempt: int
    postback: Postback
    facts: EventFacts


def claim_due(platform: Platform, now: datetime) -> tuple[list[Claim], int]:
    """Up to 24 deliveries that are due, and how many were looked at: of those some may have ended here."""
    with platform.database.transaction() as session:
        rows = session.execute(_due(now)).all()
        claims = [_claimed(session, delivery, postback, now) for delivery, postback in rows]
    return [claim for claim in claims if claim is not None], len(rows)


def _due(now: datetime) -> Select[PostbackDelivery, Postback]:
    """What is due, each postback in turn, its oldest first: nobody waits behind somebody else's flood or slow receiver."""
    row = PostbackDelivery
    oldest = (row.next_attempt_at, row.id)
    is_due = (row.status == DeliveryStatus.PENDING, row.next_attempt_at <= now)
    turn = func.row_number().over(partition_by=row.postback_id, order_by=oldest)
    turns = select(row.id, turn.label("turn")).where(*is_due).subquery()
    chosen = select(turns).order_by(turns.c.turn, turns.c.id).limit(AT_ONCE).subquery()
    return (
        select(row, Postback)
        .join(Postback, Postback.id == row.postback_id)
        .join(chosen, chosen.c.id == row.id)
        .where(*is_due)
        .order_by(chosen.c.turn, row.id)
        .with_for_update(skip_locked=True, of=row)
    )


def _claimed(session: Session, row: PostbackDelivery, postback: Postback, now: datetime) -> Claim | None:
    facts = facts_of(session, row)
    ended = _end_of(session, row, postback, facts)
    if ended is not None or facts is None:
        row.status, row.last_error = ended or (DeliveryStatus.SKIPPED, GONE)
        return None
    row.attempts += 1
    row.next_attempt_at = now + timedelta(seconds=CLAIM_SECONDS)
    return Claim(row.id, row.attempts, postback, facts)


def _is_wanted(session: Session, row: PostbackDelivery, postback: Postback) -> bool:
    """A goal's click may have come after it: now its pool counts."""
    if row.event != PostbackEvent.GOAL or row.click_id is not None:
        return True
    goal = session.get(Goal, row.goal_id)
    if goal is None or not postback.pool_ids:
        return True
    return wants(postback, Happened(PostbackEvent.GOAL, "", goal.account_id, goal.pool_id, "", goal.goal))


def _end_of(
    session: Session, row: PostbackDelivery, postback: Postback, facts: EventFacts | None
) -> tuple[DeliveryStatus, Text] | None:
    """How a delivery ends without being sent, and why; None where it is to be sent."""
    if not postback.is_enabled:
        return DeliveryStatus.SKIPPED, Text("The postback is switched off")
    if row.attempts >= MAX_ATTEMPTS:
        return DeliveryStatus.FAILED, row.last_error or Text("The worker ended while sending")
    if facts is None:
        return DeliveryStatus.SKIPPED, GONE
    if not _is_wanted(session, row, postback):
        return DeliveryStatus.SKIPPED, Text("Its click is of another pool")
    return None
