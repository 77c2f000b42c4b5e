"""The clock of Redis, by which the entries of its streams are numbered."""

from __future__ import annotations

from datetime import timedelta

from redis import Redis, RedisError

from services.core.times import from_epoch, utc_now


def lead_over(redis: Redis) -> timedelta:
    """How far this machine's clock runs ahead of that of Redis; 0 while Redis does not answer.

    Each of two looks finds too little, by the time that its answer took, so the larger is the better one.
    """
    try:
        return max(_look(redis), _look(redis))
    except RedisError:
        return timedelta()


def _look(redis: Redis) -> timedelta:
    before = utc_now()
    seconds, microseconds = redis.time()
    return before - from_epoch(seconds + microseconds / 1e6)
