"""Starting, pausing and stopping a broadcast: a commit, then the mark that outboxes see before a message leaves."""

from __future__ import annotations

from datetime import datetime

from redis import RedisError

from models import Broadcast, BroadcastKind, BroadcastStatus
from services.core.errors import InvalidInput, Unavailable
from services.core.times import iso, utc_now
from services.messaging.broadcasts.content_checks import check_content
from services.messaging.broadcasts.drafts import facts, locked
from services.messaging.broadcasts.due import QUIET
from services.messaging.broadcasts.moving import move
from services.messaging.broadcasts.outbox_link import go_on, halt
from services.messaging.broadcasts.runner import DOORBELL
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, wake


def start(platform: Platform, caller: Principal, broadcast_id: int, at: datetime | None = None) -> Broadcast:
    """Have a draft sent at once, or `at` a moment; a series takes its turns from then on.

    Raises Conflict `broadcast_state`, InvalidInput for what can't be sent or a moment that is past.
    """
    now = utc_now()
    if at is not None and at < now:
        raise InvalidInput("This moment is past; choose a later one", code="moment_past", field="at")
    with platform.database.transaction() as session:
        broadcast = locked(session, caller, broadcast_id)
        if broadcast.kind == BroadcastKind.SEND:
            check_content(session, platform.settings, broadcast)
        waits = at is not None or broadcast.every_hours > 0
        move(broadcast, BroadcastStatus.SCHEDULED if waits else BroadcastStatus.PREPARING)
        broadcast.scheduled_at = at or now
        audit(session, caller, "broadcast_started", **facts(broadcast), at=iso(broadcast.scheduled_at))
    _ring(platform)
    return broadcast


def unschedule(platform: Platform, caller: Principal, broadcast_id: int) -> Broadcast:
    """Make a scheduled broadcast a draft again. Raises Conflict `broadcast_state`."""
    return _move(platform, caller, broadcast_id, BroadcastStatus.DRAFT, "broadcast_unscheduled")


def pause(platform: Platform, caller: Principal, broadcast_id: int) -> Broadcast:
    """Let nothing more of it leave, from this moment on. Raises Conflict `broadcast_state`, Unavailable.

    Where Redis is away the row says that it is paused already, and what waits in outboxes is kept back when it returns.
    """
    broadcast = _move(platform, caller, broadcast_id, BroadcastStatus.PAUSED, "broadcast_paused")
    _halt(platform, broadcast_id)
    return broadcast


def stop(platform: Platform, caller: Principal, broadcast_id: int) -> Broadcast:
    """The same for good: whoever waits gets nothing. Raises Conflict `broadcast_state`, Unavailable."""
    broadcast = _move(platform, caller, broadcast_id, BroadcastStatus.STOPPED, "broadcast_stopped")
    _halt(platform, broadcast_id)
    return broadcast


def resume(platform: Platform, caller: Principal, broadcast_id: int) -> Broadcast:
    """Go on with whoever waits; after the brake with a small sample again. Raises Conflict `broadcast_state`, Unavailable."""
    broadcast = _move(platform, caller, broadcast_id, BroadcastStatus.RUNNING, "broadcast_resumed")
    try:
        go_on(platform, broadcast_id)
    except RedisError:
        raise _away() from None
    _ring(platform)
    return broadcast


def _move(
    platform: Platform, caller: Principal, broadcast_id: int, to: BroadcastStatus, kind: str
) -> Broadcast:
    with platform.database.transaction() as session:
        broadcast = locked(session, caller, broadcast_id)
        if to == BroadcastStatus.PAUSED == broadcast.status and broadcast.cause == QUIET:
            broadcast.cause = ""  # it stays so when its quiet hours end
        else:
            move(broadcast, to)
        audit(session, caller, kind, **facts(broadcast))
    return broadcast


def _halt(platform: Platform, broadcast_id: int) -> None:
    try:
        halt(platform, broadcast_id)
    except RedisError:
        raise _away() from None


def _ring(platform: Platform) -> None:
    try:
        wake(platform.redis, platform.job_redis, JobName.RUN_BROADCASTS, DOORBELL)
    except RedisError:
        raise _away() from None


def _away() -> Unavailable:
    return Unavailable("Redis does not answer; it takes effect as soon as it does", code="redis_unavailable")
