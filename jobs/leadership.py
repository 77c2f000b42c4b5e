"""Who of several clocks leads: the one with the lease, as long as it is sure of it by its own monotonic time."""

from __future__ import annotations

import logging
import time

from redis import RedisError

from services.platform.platform import Platform
from services.platform.redis.leases import Lease

logger = logging.getLogger(__name__)
LEASE_SECONDS = 10.0
RENEW_SECONDS = 3.0
STANDBY_SECONDS = 1.0  # a second clock takes over within 10 + 1 s
SAFETY_SECONDS = 4.0  # before the lease ends the leader stops ticking: room for the longest tick


class Leadership:
    """The lease of the leading clock. A clock that slept through it, or lost Redis, knows that it leads no more."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lease: Lease | None = None
        self._sure_until = 0.0

    @property
    def holds(self) -> bool:
        """Whether this clock leads, without asking Redis."""
        return time.monotonic() < self._sure_until

    def keep(self) -> float:
        """Take or renew the lease; returns the seconds until the next call. Never raises for an absent Redis."""
        led, asked = self.holds, time.monotonic()
        try:
            self._lease = self._renewed() or self._taken()
        except RedisError as error:
            logger.warning("clock: Redis does not answer (%s)", type(error).__name__)
            return STANDBY_SECONDS
        self._sure_until = asked + LEASE_SECONDS - SAFETY_SECONDS if self._lease else 0.0
        if led is not self.holds:
            logger.info("this clock leads" if self.holds else "this clock stands by")
        return RENEW_SECONDS if self._lease else STANDBY_SECONDS

    def release(self) -> None:
        """Give the lease back, so that another clock need not wait for its end."""
        lease, self._lease, self._sure_until = self._lease, None, 0.0
        if lease is None:
            return
        try:
            lease.release()
        except RedisError:
            logger.warning("clock: the lease could not be given back; it ends by itself")

    def _renewed(self) -> Lease | None:
        return self._lease if self._lease is not None and self._lease.renew() else None

    def _taken(self) -> Lease | None:
        return Lease.take(self._platform.redis, "clock", ttl_seconds=LEASE_SECONDS)
