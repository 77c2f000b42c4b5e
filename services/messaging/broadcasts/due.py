"""What becomes of broadcasts by the clock: schedules, series, quiet hours. Each function is one transaction of its own."""

from __future__ import annotations

import logging
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models import Broadcast, BroadcastStatus
from services.alerts.notifications.quiet import QuietHours, quiet_ends
from services.messaging.broadcasts.moving import move
from services.messaging.broadcasts.outbox_link import go_on, halt
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
QUIET: Final = "quiet_hours"  # the cause of such a pause
COPIED: Final = (  # by the turns of a series
    "account_id",
    "name",
    "variants",
    "audience",
    "has_opt_out",
    "per_second",
    "brake_percent",
    "quiet_from",
    "quiet_until",
    "time_zone",
    "goal_tag",
    "once_per_person",
)
AWAKE: Final = or_(
    Broadcast.status.in_((BroadcastStatus.PREPARING, BroadcastStatus.RUNNING)),
    and_(Broadcast.status == BroadcastStatus.PAUSED, Broadcast.cause == QUIET),
)


def needs_work(session: Session, now: datetime) -> bool:
    """Whether a broadcast is under way, or due."""
    due = and_(Broadcast.status == BroadcastStatus.SCHEDULED, Broadcast.scheduled_at <= now)
    return session.scalar(select(Broadcast.id).where(or_(AWAKE, due)).limit(1)) is not None


def start_due(platform: Platform, now: datetime) -> None:
    """Have scheduled broadcasts prepared whose time has come; of a series, its next turn."""
    due = and_(Broadcast.status == BroadcastStatus.SCHEDULED, Broadcast.scheduled_at <= now)
    with platform.database.reading() as session:
        if session.scalar(select(Broadcast.id).where(due).limit(1)) is None:
            return
    with platform.database.transaction() as session:
        rows = session.scalars(select(Broadcast).where(due).order_by(Broadcast.id).with_for_update())
        for broadcast in rows.all():
            if broadcast.every_hours:
                session.add(_next_turn(session, broadcast, now))
            else:
                move(broadcast, BroadcastStatus.PREPARING)
            logger.info("broadcast %d is due", broadcast.id)


def _next_turn(session: Session, series: Broadcast, now: datetime) -> Broadcast:
    """A child that is prepared now; the series waits for its next time, and turns that were missed are one."""
    last = session.scalar(select(func.max(Broadcast.created_at)).where(Broadcast.parent_id == series.id))
    step = timedelta(hours=series.every_hours)
    new_since = (last or now - step) if series.only_new else None
    child = Broadcast(
        **{name: getattr(series, name) for name in COPIED},
        parent_id=series.id,
        status=BroadcastStatus.PREPARING,
        new_since=new_since,
        created_at=now,
    )
    moment = series.scheduled_at or now
    missed = max(0, int((now - moment) / step))
    series.scheduled_at = moment + step * (missed + 1)
    return child


def quiet_until(broadcast: Broadcast, now: datetime) -> datetime | None:
    """When the quiet hours that reign for the broadcast end; None when it is not quiet."""
    if not broadcast.quiet_from:
        return None
    begin, end = time.fromisoformat(broadcast.quiet_from), time.fromisoformat(broadcast.quiet_until)
    return quiet_ends(QuietHours(begin, end, ZoneInfo(broadcast.time_zone or "UTC")), now)


def keep_quiet(platform: Platform, broadcast_id: int, now: datetime) -> None:
    """Pause a running broadcast as its quiet hours begin, and let it go on as they end. Raises RedisError."""
    with platform.database.transaction() as session:
        broadcast = session.get(Broadcast, broadcast_id, with_for_update=True)
        if broadcast is None:
            return
        is_quiet = quiet_until(broadcast, now) is not None
        rests = broadcast.status == BroadcastStatus.PAUSED and broadcast.cause == QUIET
        if is_quiet and broadcast.status == BroadcastStatus.RUNNING:
            move(broadcast, BroadcastStatus.PAUSED, QUIET)
        elif rests and not is_quiet:
            move(broadcast, BroadcastStatus.RUNNING)
        else:
            return
    (halt if is_quiet else go_on)(platform, broadcast_id)


def is_out_of_step(broadcast: Broadcast, now: datetime) -> bool:
    """Whether `keep_quiet` has something to do."""
    is_quiet = quiet_until(broadcast, now) is not None
    return is_quiet == (broadcast.status == BroadcastStatus.RUNNING) and bool(broadcast.quiet_from)
