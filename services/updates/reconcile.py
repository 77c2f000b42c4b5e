"""Ringing again for work that nobody is at (U5): after a kill, a lost bell, or when a 429's wait is over."""

from __future__ import annotations

import time

from services.platform import Platform
from services.redis import keys
from services.redis.jobs import JobName, ring


def ring_waiting(platform: Platform) -> int:
    """Ring for every lane and outbox with a backlog and no live holder; how many jobs were queued.

    Call it every two seconds: with the lease's four a dead holder is replaced in six. Raises RedisError.
    """
    lanes = range(platform.settings.update_lanes)
    due = int(time.time() * 1000)
    with platform.redis.pipeline(transaction=False) as pipe:
        for number in lanes:
            pipe.xlen(keys.update_lane(number))
            pipe.exists(keys.lease(f"lane:{number}"))
            pipe.zcount(keys.outbox_active(number), "-inf", due)
            pipe.exists(keys.lease(f"outbox:{number}"))
        pipe.xlen(keys.intake_dead())
        *answers, given_up = pipe.execute()
    rung = 0
    for number in lanes:
        backlog, held, active, sending = answers[number * 4 : number * 4 + 4]
        if backlog and not held:
            rung += _ring(platform, JobName.DRAIN_LANE, "lane", number)
        if active and not sending:
            rung += _ring(platform, JobName.DRAIN_OUTBOX, "outbox", number)
    if given_up:
        rung += _ring(platform, JobName.STORE_DEAD_LETTERS, "dead")
    return rung


def _ring(platform: Platform, name: JobName, kind: str, number: int | None = None) -> bool:
    return ring(platform.redis, platform.job_redis, name, kind, number)
