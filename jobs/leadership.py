"""Who of several processes of a kind works: the one with the lease, as long as it is sure of it by its own clock."""

from __future__ import annotations

import logging
from typing import Final

from redis import RedisError

from services.platform.platform import Platform
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.trouble import redis_trouble

logger = logging.getLogger(__name__)
STANDBY_SECONDS: Final = 1.0  # a stand-by leads at most so long after the former lease ran out


class Leadership:
    """The lease `name` of the leading process. One that slept through it, or lost Redis, knows that it leads no more.

    It stops leading `spare_seconds` before the lease ends, for what it has begun by then.
    """

    def __init__(
        self, platform: Platform, name: str, *, ttl_seconds: float, spare_seconds: float = 0.0
    ) -> None:
        self._platform = platform
        self._name = name
        self._ttl = ttl_seconds
        self._spare = spare_seconds
        self._held: HeldLease | None = None

    @property
    def holds(self) -> bool:
        """Whether this process leads, without asking Redis."""
        return self._held is not None and self._held.outlasts(self._spare)

    def acquire(self) -> bool:
        """Take the lease unless it is ours; whether this process leads. To be called every STANDBY_SECONDS.

        Never raises for an absent Redis.
        """
        if self._held is None or not self._held.alive:
            led, self._held = self._held is not None, self._taken()
            if led or self._held is not None:
                logger.info("this %s %s", self._name, "leads" if self._held else "stands by")
        return self.holds

    def release(self) -> None:
        """Give the lease back, so that another process need not wait for its end."""
        held, self._held = self._held, None
        if held is not None:
            held.release()

    def _taken(self) -> HeldLease | None:
        try:
            return self._platform.leases.take(self._name, ttl_seconds=self._ttl)
        except RedisError as error:
            logger.warning("%s: %s (%s)", self._name, redis_trouble(error), type(error).__name__)
            return None
