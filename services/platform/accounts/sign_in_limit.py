"""Slowing down guesses at passwords and setup codes: counted per address and per account.

An attempt is counted before the password is checked, so that parallel guesses cannot pass the limit together.
Counts live in Redis; without it each process counts for itself.
"""

from __future__ import annotations

import logging
import threading
import time

from redis.exceptions import RedisError

from services.core.errors import RateLimited
from services.core.metrics import RATE_LIMIT_HITS
from services.core.secrets import sha256_hex
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
WINDOW_SECONDS = 15 * 60
PER_ADDRESS = 30  # an office behind one address mistypes too
PER_ACCOUNT = 10
LOCAL_ENTRIES = 10_000  # bound of the stand-in's memory

_local: dict[str, tuple[float, int]] = {}  # key -> (end of window, attempts)
_local_lock = threading.Lock()


def count_attempt(platform: Platform, *, ip: str, account: str) -> None:
    """Count one attempt to get into `account` from `ip`; RateLimited when either had too many in 15 minutes."""
    limits = {_key("address", ip): PER_ADDRESS, _key("account", account): PER_ACCOUNT}
    try:
        counts = _count_in_redis(platform, list(limits))
    except RedisError as error:
        logger.warning("sign-ins are counted in this process only: %s", type(error).__name__)
        counts = [_count_here(key) for key in limits]
    waits = [wait for (count, wait), limit in zip(counts, limits.values(), strict=True) if count > limit]
    if waits:
        RATE_LIMIT_HITS.labels("sign_in").inc()
        raise RateLimited(
            "Too many attempts; wait a while and try again", code="sign_in_limited", retry_after=max(waits)
        )


def forget_attempts(platform: Platform, *, ip: str, account: str) -> None:
    """After a good sign-in: the account's count starts anew, and the address gets back this one attempt.

    Only this one: else an own account would wipe out the guesses at others'.
    """
    address, own = _key("address", ip), _key("account", account)
    with _local_lock:
        _local.pop(own, None)
        if address in _local:
            end, count = _local[address]
            _local[address] = (end, max(count - 1, 0))
    try:
        pipeline = platform.redis.pipeline()
        pipeline.delete(own)
        pipeline.decr(address)
        pipeline.expire(address, WINDOW_SECONDS, nx=True)
        pipeline.execute()
    except RedisError:
        logger.warning("the count of sign-in attempts was not cleared")


def _key(kind: str, who: str) -> str:
    return keys.sign_in_attempts(kind, sha256_hex(who)[:32])  # no e-mail addresses in Redis


def _count_in_redis(platform: Platform, names: list[str]) -> list[tuple[int, int]]:
    pipeline = platform.redis.pipeline()
    for name in names:
        pipeline.incr(name)
        pipeline.expire(name, WINDOW_SECONDS, nx=True)
        pipeline.ttl(name)
    answers = pipeline.execute()
    return [(int(answers[at]), int(answers[at + 2])) for at in range(0, len(answers), 3)]


def _count_here(name: str) -> tuple[int, int]:
    now = time.monotonic()
    with _local_lock:
        if len(_local) >= LOCAL_ENTRIES:
            _local.clear()
        end, count = _local.get(name, (0.0, 0))
        if end <= now:
            end, count = now + WINDOW_SECONDS, 0
        _local[name] = (end, count + 1)
    return count + 1, int(end - now) + 1
