"""The clock of Redis, by which the entries of its streams are numbered."""

from __future__ import annotations

from datetime import timedelta

from redis import Redis, RedisError

from services.core.times import from_epoch, utc_now


def lead_over(redis: Redis) -> timedelta:
    """How far this machine's clock runs ahead of that of Redis, rather too little than too much; 0 while Redis does not answer."""
    before = utc_now()
    try:
        seconds, microseconds = redis.time()
    except RedisError:
        return timedelta()
    return before - from_epoch(seconds + microseconds / 1e6)
