"""Leases: a lock with an owner and a deadline, taken and given back atomically.

The holder's `token` is also a fence: a script that writes on behalf of the holder compares it with the key, so a
holder that slept through its deadline can do no harm. It names the holding process, so that after a kill whoever comes
next on the same machine need not wait for the deadline.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final, Self

from redis import Redis

from services.platform.redis import keys
from services.platform.redis.process_identity import is_dead, process_identity
from services.platform.redis.scripts import load

TAKE: Final = load("take_lease")
RENEW: Final = load("renew_leases")
RELEASE: Final = load("release_lease")


@dataclass(frozen=True)
class Lease:
    """A lease that is held, or `sought`; `ttl_seconds` counts from the last renewal."""

    redis: Redis
    name: str
    token: str
    ttl_seconds: float

    @classmethod
    def take(cls, redis: Redis, name: str, *, ttl_seconds: float) -> Self | None:
        """The lease, or None while somebody else who may be alive holds it."""
        lease = cls.sought(redis, name, ttl_seconds=ttl_seconds)
        return lease if lease.try_to_take() else None

    @classmethod
    def sought(cls, redis: Redis, name: str, *, ttl_seconds: float) -> Self:
        """A lease that is not held yet, with a token of its own."""
        return cls(redis, name, f"{process_identity()}:{secrets.token_hex(8)}", ttl_seconds)

    def try_to_take(self) -> bool:
        """Take it; False while somebody else who may be alive holds it. When this raises RedisError it may be ours all the same."""
        holder = self._take()
        if holder is not None and is_orphaned(holder):
            holder = self._take(left_by=holder)
        return holder is None

    @property
    def terms(self) -> tuple[str, int]:
        """Its token, and its TTL in ms."""
        return self.token, int(self.ttl_seconds * 1000)

    def renew(self) -> bool:
        """Push the deadline out; False when the lease was lost and the work must stop."""
        return bool(RENEW(self.redis, [keys.lease(self.name)], self.terms)[0])

    def release(self) -> None:
        """Give the lease back if it is still ours."""
        RELEASE(self.redis, [keys.lease(self.name)], [self.token])

    def _take(self, *, left_by: str = "") -> str | None:
        """None when it was free, is ours, or was still held with the token of a dead holder; else its holder's token."""
        holder: str | None = TAKE(self.redis, [keys.lease(self.name)], [*self.terms, left_by])
        return holder


def is_held(redis: Redis, name: str) -> bool:
    """Whether somebody who may be alive holds the lease."""
    holder: Any = redis.get(keys.lease(name))
    return holder is not None and not is_orphaned(holder)


def is_orphaned(token: str) -> bool:
    """Whether the holder of `token` is certainly dead, so that the lease may be taken from him."""
    return is_dead(token.partition(":")[0])
