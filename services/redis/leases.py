"""Leases: a lock with an owner and a deadline, taken and given back atomically.

The holder's `token` is also a fence: a script that writes on behalf of the holder compares it with the key, so a
holder that slept through its deadline can do no harm.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

from redis import Redis

from services.redis import keys

# KEYS[1] lease, ARGV[1] token, ARGV[2] TTL in ms. 1 when renewed, 0 when it is no longer ours.
RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
# KEYS[1] lease, ARGV[1] token. 1 when given back, 0 when it was no longer ours.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class Lease:
    """A lease that is held; `ttl_seconds` counts from the last renewal."""

    redis: Redis
    name: str
    token: str
    ttl_seconds: float

    @classmethod
    def take(cls, redis: Redis, name: str, *, ttl_seconds: float) -> Self | None:
        """The lease, or None while somebody else holds it."""
        token = secrets.token_hex(8)
        taken = redis.set(keys.lease(name), token, nx=True, px=int(ttl_seconds * 1000))
        return cls(redis, name, token, ttl_seconds) if taken else None

    def renew(self) -> bool:
        """Push the deadline out; False when the lease was lost and the work must stop."""
        return bool(
            self.redis.eval(RENEW, 1, keys.lease(self.name), self.token, int(self.ttl_seconds * 1000))
        )

    def release(self) -> None:
        """Give the lease back if it is still ours."""
        self.redis.eval(RELEASE, 1, keys.lease(self.name), self.token)
