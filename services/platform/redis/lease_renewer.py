"""Holding leases for as long as the work under them takes: one round trip a second renews all those of a process."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from redis import Redis, RedisError

from services.core.ticks import until_tick
from services.platform.redis import keys
from services.platform.redis.leases import RENEW, Lease

logger = logging.getLogger(__name__)
TTL_SECONDS: Final = (
    4.0  # a holder that sleeps, or died on another machine, is replaced after this and a tick of the clock
)
RENEW_SECONDS: Final = 1.0


class HeldLease:
    """A lease that is renewed until `release`. What it says of itself is decided by our own clock: that needs no round trip
    and errs early.
    """

    def __init__(self, lease: Lease, taken_at: float) -> None:
        self.lease = lease
        self._until = taken_at + lease.ttl_seconds
        self._ended = False
        self._settled_at = taken_at  # since when it is not to be asked for
        self._asked_until = 0.0

    @property
    def alive(self) -> bool:
        """Whether the lease is certainly still ours; once False it stays so: stop working under it."""
        return self.outlasts(0.0)

    def outlasts(self, seconds: float) -> bool:
        """Whether it is certainly ours for so long yet, even if no renewal comes through."""
        return not self._ended and time.monotonic() + seconds < self._until

    def ask_back(self, *, settled: float, patience: float) -> bool:
        """Another process should have it, within `patience` seconds. False, and nothing asked for, where it was taken or asked
        for less than `settled` seconds ago.
        """
        now = time.monotonic()
        if now - self._settled_at < settled:
            return False
        self._settled_at, self._asked_until = now, now + patience
        return True

    @property
    def wanted_back(self) -> bool:
        """Whether it was asked for: the holder takes up nothing more, and hands it back if all it has at work ends in time."""
        return time.monotonic() < self._asked_until

    def renewed(self, at: float) -> None:
        """The server confirmed a renewal asked for at `at`; a lease once lost never comes back."""
        if self.alive:
            self._until = at + self.lease.ttl_seconds

    def lost(self) -> None:
        """The server said it is no longer ours."""
        self._ended = True

    def release(self) -> None:
        """Renew it no more, and give it back if it is still ours; without Redis it runs out. Twice does no harm."""
        if self.alive:
            self.lost()
            try:
                self.lease.release()
            except RedisError as error:
                logger.warning("lease %s not given back: %s", self.lease.name, type(error).__name__)


class LeaseRenewer:
    """Takes leases for one process and renews them until they are released. Costs nothing while it holds none."""

    def __init__(self, redis: Redis, *, renew_seconds: float = RENEW_SECONDS) -> None:
        self._redis = redis
        self._renew_seconds = renew_seconds
        self._held: list[HeldLease] = []
        self._lock = threading.Lock()
        self._running = False

    def take(self, name: str, *, ttl_seconds: float = TTL_SECONDS) -> HeldLease | None:
        """The lease `name`, renewed from now on; None while somebody else holds it. Raises RedisError."""
        started = time.monotonic()
        lease = Lease.take(self._redis, name, ttl_seconds=ttl_seconds)
        if lease is None:
            return None
        held = HeldLease(lease, started)
        with self._lock:
            self._held.append(held)
            if not self._running:
                self._running = True
                threading.Thread(target=self._renew_for_ever, daemon=True, name="leases").start()
        return held

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(until_tick(self._renew_seconds))
            with self._lock:
                held = [each for each in self._held if each.alive]
                self._held = list(held)  # another list: one may be taken while these are renewed
                if not held:
                    self._running = False
                    return
            try:
                self._renew(held)
            except RedisError as error:
                logger.warning("leases not renewed: %s", type(error).__name__)

    def _renew(self, held: list[HeldLease]) -> None:
        started = time.monotonic()
        answers = RENEW(
            self._redis,
            [keys.lease(each.lease.name) for each in held],
            [value for each in held for value in each.lease.terms],
        )
        for each, answer in zip(held, answers, strict=True):
            if answer:
                each.renewed(started)
            else:
                each.lost()
