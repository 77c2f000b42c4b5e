"""Holding many leases cheaply: one round trip a second renews all leases of a process."""

from __future__ import annotations

import logging
import threading
import time

from redis import Redis, RedisError

from services.redis import keys
from services.redis.leases import Lease

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


class Holding:
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


class LeaseKeeper:
    """Takes leases for one process and keeps them until they are let go. Costs nothing while it holds none."""

    def __init__(self, redis: Redis, *, ttl_seconds: float = TTL_SECONDS) -> None:
        self._redis = redis
        self._ttl = ttl_seconds
        self._script = redis.register_script(RENEW_ALL)
        self._holdings: set[Holding] = set()
        self._lock = threading.Lock()
        self._running = False

    def take(self, name: str) -> Holding | None:
        """The lease `name`, renewed from now on; None while somebody else holds it."""
        started = time.monotonic()
        lease = Lease.take(self._redis, name, ttl_seconds=self._ttl)
        if lease is None:
            return None
        holding = Holding(lease, started)
        with self._lock:
            self._holdings.add(holding)
            if not self._running:
                self._running = True
                threading.Thread(target=self._renew_for_ever, daemon=True, name="lease-keeper").start()
        return holding

    def let_go(self, holding: Holding) -> None:
        """Stop renewing; the caller gives the lease back, or lets it run out."""
        with self._lock:
            self._holdings.discard(holding)

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(RENEW_SECONDS)
            with self._lock:
                held = list(self._holdings)
                if not held:
                    self._running = False
                    return
            try:
                self._renew(held)
            except RedisError as error:
                logger.warning("leases not renewed: %s", type(error).__name__)

    def _renew(self, held: list[Holding]) -> None:
        started = time.monotonic()
        answers = self._script(
            keys=[keys.lease(holding.lease.name) for holding in held],
            args=[int(self._ttl * 1000), *(holding.lease.token for holding in held)],
        )
        for holding, answer in zip(held, answers, strict=True):
            if answer:
                holding.renewed(started)
            else:
                holding.lost()
