"""Holding leases for as long as the work under them takes: one round trip a second renews all those of a process.

A lease that cannot be given back, because Redis is away, would keep everybody from the work until it runs out, long after
Redis has come back: it is given back then. So is one of which nobody knows whether it was taken.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from redis import Redis, RedisError
from redis.exceptions import ResponseError

from services.core.ticks import until_tick
from services.platform.redis import keys
from services.platform.redis.leases import RENEW, Lease

logger = logging.getLogger(__name__)
TTL_SECONDS: Final = (
    4.0  # a holder that sleeps, or died on another machine, is replaced after this and a tick of the clock
)
RENEW_SECONDS: Final = 1.0
RETURN_SECONDS: Final = 0.25  # between attempts to give back what could not be given back
DOUBTED_SECONDS: Final = 60.0  # a silent server may take a lease so long after it was asked to


def _untold() -> None:
    """Nobody waits for the lease."""


class HeldLease:
    """A lease that is renewed until `release`. What it says of itself is decided by our own clock: that needs no round trip
    and errs early.
    """

    def __init__(
        self,
        lease: Lease,
        taken_at: float,
        owe: Callable[[HeldLease], None],
        on_late_return: Callable[[], object],
    ) -> None:
        self.lease = lease
        self._owe, self._on_late_return = owe, on_late_return
        self._is_owed = False
        self._until = taken_at + lease.ttl_seconds
        self._is_unanswered = False  # the last renewal failed
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

    @property
    def overslept(self) -> bool:
        """Whether it ran out because this process stood still: no renewal has failed, as one does in time while Redis is away
        (RENEW_SECONDS and the two seconds in which a silent one is given up are less than TTL_SECONDS). A Redis that takes longer
        than a second for each answer looks the same.
        """
        return not self._ended and not self._is_unanswered and time.monotonic() >= self._until

    def not_renewed(self) -> None:
        """Redis did not answer a renewal."""
        self._is_unanswered = True

    def renewed(self, at: float) -> None:
        """The server confirmed a renewal asked for at `at`; a lease once lost never comes back."""
        if self.alive:
            self._until, self._is_unanswered = at + self.lease.ttl_seconds, False

    def lost(self) -> None:
        """The server said it is no longer ours."""
        self._ended = True

    def release(self) -> None:
        """Renew it no more, and give it back if it is still ours; without Redis as soon as there is one. Twice does no harm."""
        if self.alive:
            self.lost()
            try:
                self.lease.release()
            except BaseException as error:
                self._is_owed = True
                self._owe(self)
                if not isinstance(error, RedisError):  # who gives it back was given up
                    raise
                logger.warning("lease %s not given back: %s", self.lease.name, type(error).__name__)

    def doubt(self) -> None:
        """Nobody knows whether it was taken: give it back as soon as Redis answers, if it is ours then."""
        self.lost()
        self._until = time.monotonic() + DOUBTED_SECONDS
        self._is_owed = True
        self._owe(self)

    @property
    def is_owed(self) -> bool:
        """Whether it could not be given back, or perhaps be taken, and has not run out since."""
        return self._is_owed and time.monotonic() < self._until

    def give_back(self) -> None:
        """Give back what is owed. Raises RedisError while there is no Redis."""
        self.lease.release()
        self._is_owed = False

    def tell_of_late_return(self) -> None:
        """Call whoever waits for it."""
        try:
            self._on_late_return()
        except RedisError as error:
            logger.warning("lease %s was given back unheard: %s", self.lease.name, type(error).__name__)


class LeaseRenewer:
    """Takes leases for one process, renews them until they are released, and gives back what could not be given back then.
    Costs nothing while it holds none.
    """

    def __init__(self, redis: Redis, *, renew_seconds: float = RENEW_SECONDS) -> None:
        self._redis = redis
        self._renew_seconds = renew_seconds
        self._held: list[HeldLease] = []  # and what is owed
        self._lock = threading.Lock()
        self._running = False
        self._owes_more = threading.Event()

    def take(
        self, name: str, *, ttl_seconds: float = TTL_SECONDS, on_late_return: Callable[[], object] = _untold
    ) -> HeldLease | None:
        """The lease `name`, renewed from now on; None while somebody else holds it. Raises RedisError.

        `on_late_return` is called, in a thread of its own, when it was given back later than it was released, or after it was asked
        for without an answer.
        """
        started = time.monotonic()
        lease = Lease.sought(self._redis, name, ttl_seconds=ttl_seconds)
        held = HeldLease(lease, started, self._owe, on_late_return)
        try:
            if not lease.try_to_take():
                return None
        except ResponseError:  # it was refused, as by a Redis that is full
            raise
        except BaseException:  # also of who is given up while it waits
            held.doubt()  # a server that was killed may have given it to us, and the answer is lost
            raise
        self._look_after(held)
        return held

    def _owe(self, held: HeldLease) -> None:
        self._look_after(held)
        self._owes_more.set()

    def _look_after(self, held: HeldLease) -> None:
        with self._lock:
            if held not in self._held:
                self._held.append(held)
            if not self._running:
                self._running = True
                threading.Thread(target=self._renew_for_ever, daemon=True, name="leases").start()

    def _renew_for_ever(self) -> None:
        owes = False
        while True:
            self._owes_more.wait(RETURN_SECONDS if owes else until_tick(self._renew_seconds))
            self._owes_more.clear()
            with self._lock:
                # Another list: one may be taken while these are renewed.
                self._held = [each for each in self._held if each.alive or each.is_owed]
                held = list(self._held)
                if not held:
                    self._running = False
                    return
            owed = [each for each in held if each.is_owed]
            # One after the other: a Redis that is silent must not cost the others two waits.
            is_back = self._renew([each for each in held if each.alive])
            owes = bool(owed) and not (is_back and self._give_back(owed))

    @staticmethod
    def _give_back(owed: list[HeldLease]) -> bool:
        """Whether Redis took all of them."""
        returned: list[HeldLease] = []
        with suppress(RedisError):  # which was told when they were released or asked for
            for each in owed:
                each.give_back()
                returned.append(each)
        if returned:  # told of beside the renewals, which must not wait for anybody
            threading.Thread(target=_tell, args=[returned], daemon=True, name="leases-returned").start()
        return returned == owed

    def _renew(self, held: list[HeldLease]) -> bool:
        """Whether Redis answered, if it was asked."""
        if not held:
            return True
        started = time.monotonic()
        try:
            answers = RENEW(
                self._redis,
                [keys.lease(each.lease.name) for each in held],
                [value for each in held for value in each.lease.terms],
            )
        except RedisError as error:
            logger.warning("leases not renewed: %s", type(error).__name__)
            for each in held:
                each.not_renewed()
            return False
        for each, answer in zip(held, answers, strict=True):
            if answer:
                each.renewed(started)
            else:
                each.lost()
        return True


def _tell(returned: list[HeldLease]) -> None:
    for each in returned:
        each.tell_of_late_return()
