"""Leases: a lock with an owner and a deadline, taken and given back atomically.

The holder's `token` is also a fence: a script that writes on behalf of the holder compares it with the key, so a
holder that slept through its deadline can do no harm. It names the holding process, so that after a kill whoever comes
next on the same machine need not wait for the deadline.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

from redis import Redis

from services.platform.redis import keys
from services.platform.redis.process_identity import is_dead, process_identity

# KEYS[1] lease, ARGV[1] token, ARGV[2] TTL in ms. false when taken, else the holder's token.
TAKE = "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end return redis.call('GET', KEYS[1])"
# KEYS[1] lease, ARGV[1] token, ARGV[2] TTL in ms, ARGV[3] token of a dead holder. 1 when taken from him.
TAKE_OVER = """
if redis.call('GET', KEYS[1]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
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
        """The lease, or None while somebody else who may be alive holds it."""
        token, milliseconds = f"{process_identity()}:{secrets.token_hex(8)}", int(ttl_seconds * 1000)
        holder = redis.eval(TAKE, 1, keys.lease(name), token, milliseconds)
        taken = holder is None or (
            is_orphaned(str(holder))
            and redis.eval(TAKE_OVER, 1, keys.lease(name), token, milliseconds, str(holder))
        )
        return cls(redis, name, token, ttl_seconds) if taken else None

    def renew(self) -> bool:
        """Push the deadline out; False when the lease was lost and the work must stop."""
        return bool(
            self.redis.eval(RENEW, 1, keys.lease(self.name), self.token, int(self.ttl_seconds * 1000))
        )

    def release(self) -> None:
        """Give the lease back if it is still ours."""
        self.redis.eval(RELEASE, 1, keys.lease(self.name), self.token)


def is_orphaned(token: str) -> bool:
    """Whether the holder of `token` is certainly dead, so that the lease may be taken from him."""
    return is_dead(token.partition(":")[0])
