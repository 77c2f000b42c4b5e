"""Holding many leases cheaply: one round trip a second renews all leases of a process."""

from __future__ import annotations

import logging
import threading
import time

from redis import Redis, RedisError

from services.platform.redis import keys
from services.platform.redis.leases import Lease

logger = logging.getLogger(__name__)
TTL_SECONDS = (
    4.0  # a holder that sleeps, or died on another machine, is replaced after this and a tick of the clock
)
RENEW_SECONDS = 1.0
# KEYS leases; ARGV[1] TTL in ms, then the token of each. Per lease 1 when renewed, 0 when no longer ours.
RENEW_ALL = """
local answers = {}
for i, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[i + 1] then
    answers[i] = redis.call('PEXPIRE', lease, ARGV[1])
  else
    answers[i] = 0
  end
end
return answers
"""


class HeldLease:
    """A lease that the keeper renews. `alive` is decided by our own clock: it needs no round trip and errs early."""

    def __init__(self, lease: Lease, taken_at: float) -> None:
        self.lease = lease
        self._until = taken_at + lease.ttl_seconds

    @property
    def alive(self) -> bool:
        """Whether the lease is certainly still ours; once False, stop working under it."""
        return time.monotonic() < self._until

    def renewed(self, at: float) -> None:
        """The server confirmed a renewal asked for at `at`; a lease once lost never comes back."""
        if self.alive:
            self._until = at + self.lease.ttl_seconds

    def lost(self) -> None:
        """The server said it is no longer ours."""
        self._until = 0.0


class LeaseRenewer:
    """Takes leases for one process and keeps them until they are let go. Costs nothing while it holds none."""

    def __init__(self, redis: Redis, *, ttl_seconds: float = TTL_SECONDS) -> None:
        self._redis = redis
        self._ttl = ttl_seconds
        self._script = redis.register_script(RENEW_ALL)
        self._held: set[HeldLease] = set()
        self._lock = threading.Lock()
        self._running = False

    def take(self, name: str) -> HeldLease | None:
        """The lease `name`, renewed from now on; None while somebody else holds it."""
        started = time.monotonic()
        lease = Lease.take(self._redis, name, ttl_seconds=self._ttl)
        if lease is None:
            return None
        held_lease = HeldLease(lease, started)
        with self._lock:
            self._held.add(held_lease)
            if not self._running:
                self._running = True
                threading.Thread(target=self._renew_for_ever, daemon=True, name="lease-keeper").start()
        return held_lease

    def release(self, held_lease: HeldLease) -> None:
        """Stop renewing; the caller gives the lease back, or lets it run out."""
        with self._lock:
            self._held.discard(held_lease)

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(RENEW_SECONDS)
            with self._lock:
                held = list(self._held)
                if not held:
                    self._running = False
                    return
            try:
                self._renew(held)
            except RedisError as error:
                logger.warning("leases not renewed: %s", type(error).__name__)

    def _renew(self, held: list[HeldLease]) -> None:
        started = time.monotonic()
        answers = self._script(
            keys=[keys.lease(held_lease.lease.name) for held_lease in held],
            args=[int(self._ttl * 1000), *(held_lease.lease.token for held_lease in held)],
        )
        for held_lease, answer in zip(held, answers, strict=True):
            if answer:
                held_lease.renewed(started)
            else:
                held_lease.lost()
