"""Ringing again for work that nobody is at: after a kill, a lost bell, or when a 429's wait is over."""

from __future__ import annotations

import time

from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, wake
from services.platform.redis.leases import is_orphaned


def wake_waiting(platform: Platform, *, anew: bool = False) -> int:
    """Ring for every lane and outbox with a backlog and no live holder; how many jobs were queued.

    A holder on this machine is known to be dead at once, another when his lease has run out. `anew` as for `wake`.
    Raises RedisError.
    """
    lanes = range(platform.settings.update_lanes)
    due = int(time.time() * 1000)
    with platform.redis.pipeline(transaction=False) as pipe:
        for number in lanes:
            pipe.xlen(keys.update_lane(number))
            pipe.get(keys.lease(f"lane:{number}"))
            pipe.zcount(keys.outbox_active(number), "-inf", due)
            pipe.get(keys.lease(f"outbox:{number}"))
        pipe.xlen(keys.intake_dead())
        *answers, given_up = pipe.execute()
    rung = 0
    for number in lanes:
        backlog, drainer, active, sender = answers[number * 4 : number * 4 + 4]
        if backlog and _is_free(drainer):
            rung += _ring(platform, JobName.DRAIN_LANE, "lane", number, anew=anew)
        if active and _is_free(sender):
            rung += _ring(platform, JobName.DRAIN_OUTBOX, "outbox", number, anew=anew)
    if given_up:
        rung += _ring(platform, JobName.STORE_DEAD_LETTERS, "dead", anew=anew)
    return rung


def _is_free(holder: str | None) -> bool:
    return holder is None or is_orphaned(holder)


def _ring(
    platform: Platform, name: JobName, kind: str, number: int | None = None, *, anew: bool = False
) -> bool:
    return wake(platform.redis, platform.job_redis, name, kind, number, anew=anew)
