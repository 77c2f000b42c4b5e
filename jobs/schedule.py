"""What the leading clock rings for, and how often. A tick only rings; the work is done by workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import gevent
from apscheduler.schedulers.background import BackgroundScheduler
from redis import RedisError

from jobs.leadership import Leadership
from services.alerts.notifications.sending import wake_if_due
from services.core.errors import FlotillaError, Unavailable
from services.core.metrics import TICKS
from services.fleet.health.clicked_bots import INTERVAL_SECONDS, wake_if_clicked
from services.fleet.health.sweep import last_sweep_age
from services.messaging.broadcasts.runner import wake_if_broadcasting
from services.messaging.replay.resending import wake_if_replaying
from services.messaging.timers.ringing import TICK_SECONDS as TIMERS_SECONDS
from services.messaging.timers.ringing import wake_for_timers
from services.messaging.updates.reconcile import wake_waiting
from services.operations.backup.schedule import TICK_SECONDS, wake_due
from services.operations.personal_data.redis_traces import TICK_SECONDS as FORGET_SECONDS
from services.operations.personal_data.redis_traces import wake_if_forgetting
from services.operations.queues.history import SAMPLE_SECONDS, take_sample
from services.operations.retention.deleting import wake_daily
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.traffic.audience.changing import TICK_SECONDS as PEOPLE_SECONDS
from services.traffic.audience.changing import wake_if_changing
from services.traffic.clicks.flush import wake_if_waiting
from services.traffic.postbacks.sending import wake_if_due as wake_for_postbacks
from services.traffic.spend.importing import TICK_SECONDS as SPEND_SECONDS
from services.traffic.spend.importing import wake_if_importing

logger = logging.getLogger(__name__)
JUDGE_SECONDS = 10  # conversion and delivery; at 2,250 clicks/h a bot gets six clicks meanwhile
LATE_SWEEPS = 4  # so many missed sweeps are worth a line in the log
LEASE_SECONDS = 10.0
LONGEST_TICK_SECONDS = 4.0  # the lease is certain to stand so long yet when a tick begins
GRACE_SECONDS = 30  # a tick so late is still made, once; APScheduler's own grace is 1 s


@dataclass(frozen=True)
class Tick:
    """Something to ring for every `seconds`."""

    name: str
    seconds: float
    ring: Callable[[Platform], object]


def ticks(platform: Platform) -> tuple[Tick, ...]:
    """The whole timetable."""
    period = platform.settings.health_interval_seconds
    return (
        Tick("sweep_health", period, lambda on: enqueue(on.job_redis, JobName.SWEEP_HEALTH)),
        Tick("look_at_clicked", INTERVAL_SECONDS, wake_if_clicked),
        Tick("judge_members", JUDGE_SECONDS, lambda on: enqueue(on.job_redis, JobName.JUDGE_MEMBERS)),
        Tick("flush_clicks", 1, wake_if_waiting),
        Tick("ring_waiting", 1, wake_waiting),
        Tick("reconcile_bots", 60, lambda on: enqueue(on.job_redis, JobName.RECONCILE_BOTS)),
        Tick("repair_pools", 60, lambda on: enqueue(on.job_redis, JobName.REPAIR_POOLS)),
        Tick("delete_expired", 3600, wake_daily),
        Tick("remind_of_rotation", 3600, lambda on: enqueue(on.job_redis, JobName.REMIND_OF_ROTATION)),
        Tick("watch_sweeps", 30, watch_sweeps),
        Tick("back_up", TICK_SECONDS, wake_due),
        Tick("deliver_notifications", 2, wake_if_due),
        Tick("ring_timers", TIMERS_SECONDS, wake_for_timers),
        Tick("change_people", PEOPLE_SECONDS, wake_if_changing),
        Tick("forget_people", FORGET_SECONDS, wake_if_forgetting),
        Tick("run_broadcasts", 1, wake_if_broadcasting),
        Tick("send_postbacks", 2, wake_for_postbacks),
        Tick("import_spend", SPEND_SECONDS, wake_if_importing),
        Tick("replay_dead_letters", 1, wake_if_replaying),
        Tick("count_pool_days", 900, lambda on: enqueue(on.job_redis, JobName.COUNT_POOL_DAYS)),
        # Taken here and not by a worker: when all workers are stuck the samples matter most.
        Tick("sample_queues", SAMPLE_SECONDS, take_sample),
    )


def lead(platform: Platform) -> Leadership:
    """What makes one clock of several the leading one; a tick begun as leader ends while the lease still stands."""
    return Leadership(platform, "clock", ttl_seconds=LEASE_SECONDS, spare_seconds=LONGEST_TICK_SECONDS)


def run_tick(platform: Platform, leadership: Leadership, tick: Tick) -> bool:
    """Ring once if this clock leads; True when it rang. What is away now is tried again at the next tick."""
    if not leadership.holds:
        return False
    try:
        # A connection that died without a word would keep this tick from ever being made again.
        with gevent.Timeout(LONGEST_TICK_SECONDS, Unavailable("Redis hangs")):
            tick.ring(platform)
    except (RedisError, FlotillaError) as error:
        logger.warning("tick %s failed: %s", tick.name, type(error).__name__)
        return False
    TICKS.labels(tick.name).inc()
    return True


def start_scheduler(
    platform: Platform, leadership: Leadership, timetable: Iterable[Tick]
) -> BackgroundScheduler:
    """A running scheduler; several missed times of a tick are made up for by one."""
    scheduler = BackgroundScheduler(  # type: ignore[no-untyped-call]
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_SECONDS},
    )
    for tick in timetable:
        scheduler.add_job(  # type: ignore[no-untyped-call]
            run_tick, "interval", seconds=tick.seconds, args=(platform, leadership, tick), id=tick.name
        )
    scheduler.start()  # type: ignore[no-untyped-call]
    return scheduler


def watch_sweeps(platform: Platform) -> None:
    """The dead-man's switch: nobody else would say that nothing sweeps any more. Raises RedisError."""
    age = last_sweep_age(platform)
    if age is None:
        logger.warning("no health sweep was ever made: is a worker running?")
    elif age > LATE_SWEEPS * platform.settings.health_interval_seconds:
        logger.error("no health sweep for %d s: is a worker running?", age)
