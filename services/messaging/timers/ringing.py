"""Bringing timers that are due into the lanes of their chats: put on record in batches, then one round trip to Redis.

On record first: a process that dies between the two has rung for nobody, and what nobody handled is rung for again. Every
ringing is an update with a number of its own, so however many of them there are, the one that takes the row away counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from redis import RedisError
from sqlalchemy import and_, case, exists, select, update

from models import Lead, Timer
from services.core.fault_injection import CrashPoint, crash_point_reached
from services.core.logs import new_request_id
from services.core.metrics import TIMER_LAG, TIMERS
from services.core.times import utc_now
from services.messaging.timers.own_update import timer_update
from services.messaging.timers.putting_off import AGAIN, is_served, put_off
from services.platform.database import among
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import DOORBELL_SECONDS, JobName, enqueue, wake
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed
from services.queueing.lanes import lane_of

logger = logging.getLogger(__name__)
APPEND: Final = load("append_own_updates")
TICK_SECONDS: Final = 0.25  # a look by one index: half a millisecond
DOORBELL: Final = "timers"
AT_ONCE: Final = 500  # rows of one batch
LONGEST_RUN_SECONDS: Final = 30.0
SELDOM: Final = timedelta(minutes=10)  # the same after the third time

Clock = Callable[[], datetime]


def wake_for_timers(platform: Platform) -> bool:
    """Ring for the job when a timer is due; True when one was queued. Raises RedisError or Unavailable."""
    with platform.database.reading() as session:
        if not session.scalar(select(exists().where(Timer.ring_at <= utc_now()))):
            return False
    return wake(platform.redis, platform.job_redis, JobName.RING_TIMERS, DOORBELL)


def ring_due(platform: Platform, *, clock: Clock = utc_now) -> int:
    """Bring what is due into the lanes; how many updates. Several workers may do so at once.

    Raises Unavailable when the database is away. Without Redis, or with lanes that are full, it is done again later.
    """
    platform.redis.delete(keys.wakeup(DOORBELL, 0))
    deadline, rung = time.monotonic() + LONGEST_RUN_SECONDS, 0
    while time.monotonic() < deadline:
        batch = _claim(platform, clock())
        if batch:
            crash_point_reached(CrashPoint.TIMERS_BEFORE_APPEND, platform.settings.crash_point)
            rung += _append(platform, batch)
        if len(batch) < AT_ONCE:
            put_off(platform, clock())
            break
    return rung


def _claim(platform: Platform, now: datetime) -> list[tuple[Timer, Lead | None]]:
    """Put the next timers that are due on record as rung."""
    with platform.database.transaction() as session:
        query = (
            select(Timer, Lead)
            .outerjoin(Lead, and_(Lead.bot_id == Timer.bot_id, Lead.telegram_id == Timer.telegram_id))
            .where(Timer.ring_at <= now, is_served())
            .order_by(Timer.ring_at)
            .limit(AT_ONCE)
            .with_for_update(of=Timer, skip_locked=True)
        )
        found: list[tuple[Timer, Lead | None]] = [(timer, lead) for timer, lead in session.execute(query)]
        if found:
            later = case((Timer.rings < 2, now + AGAIN), else_=now + SELDOM)
            session.execute(
                update(Timer)
                .where(Timer.id.in_([timer.id for timer, _ in found]))
                .values(ring_at=later, rings=Timer.rings + 1)
                .execution_options(synchronize_session=False)
            )
        session.expunge_all()
    for timer, _ in found:
        timer.rings += 1
    return found


def _append(platform: Platform, batch: Sequence[tuple[Timer, Lead | None]]) -> int:
    settings, now = platform.settings, time.time()
    names: list[str] = []
    values: list[str | int] = [settings.intake_max_backlog, DOORBELL_SECONDS]
    lanes: list[int] = []
    for timer, lead in batch:
        chat = str(timer.chat_id or timer.telegram_id)
        lane = lane_of(timer.bot_id, chat, settings.update_lanes)
        lanes.append(lane)
        names += (
            keys.update_lane(lane),
            keys.lease(f"lane:{lane}"),
            keys.wakeup("lane", lane),
            keys.far_behind(timer.bot_id, lane),
        )
        sealed = dump_sealed(platform.vault, timer_update(timer, lead), timer.bot_id)
        values += (timer.bot_id, chat, new_request_id(), sealed)
    try:
        answers = [int(answer) for answer in APPEND(platform.redis, names, values)]
        for lane in {lane for lane, answer in zip(lanes, answers, strict=True) if answer > 0}:
            enqueue(platform.job_redis, JobName.DRAIN_LANE, lane)
    except RedisError as error:  # they may be there all the same: another ringing needs another number
        logger.warning("%d timers wait for Redis: %s", len(batch), type(error).__name__)
        _not_rung(platform, [timer for timer, _ in batch], former=0)
        return 0
    _count(batch, answers, now)
    full = [timer for (timer, _), answer in zip(batch, answers, strict=True) if answer < 0]
    _not_rung(platform, full, former=1)
    return sum(answer >= 0 for answer in answers)


def _not_rung(platform: Platform, timers: Sequence[Timer], *, former: int) -> None:
    """Have what reached no lane tried again in a minute, however often that was; `former` ringings count as none."""
    if not timers:
        return
    rung = [(timer.id, timer.rings) for timer in timers]
    with platform.database.transaction() as session:
        mine = among(session, (Timer.id, Timer.rings), rung)
        session.execute(
            update(Timer)
            .where(mine)
            .values(ring_at=utc_now() + AGAIN, rings=Timer.rings - former)
            .execution_options(synchronize_session=False)
        )


def _count(batch: Sequence[tuple[Timer, Lead | None]], answers: Sequence[int], now: float) -> None:
    for (timer, _), answer in zip(batch, answers, strict=True):
        first = timer.rings == 1
        TIMERS.labels("refused" if answer < 0 else "rung" if first else "again").inc()
        if first and answer >= 0:
            TIMER_LAG.observe(max(0.0, now - timer.due_at.timestamp()))
