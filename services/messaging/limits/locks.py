"""Mutual exclusion around handlers: a lease with an owner token, renewed while the work runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plugins.effects import Busy
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.platform.redis.lease_renewer import LeaseRenewer


class Locks:
    """The locks that the handlers of one process hold. `ttl_seconds` bounds how long a dead holder blocks others."""

    def __init__(self, leases: LeaseRenewer, *, ttl_seconds: float) -> None:
        self._leases = leases
        self._ttl = ttl_seconds

    @contextmanager
    def hold(self, bot_id: int, name: str, *, patient: bool) -> Iterator[None]:
        """Hold the bot's lock `name` for the block; Busy while somebody else does.

        `patient`: Unavailable instead, to be tried again: the holder may be this very update's dead first attempt.
        It is raised at the end too when the lock was lost meanwhile, as after a process was stopped for long.
        """
        held = self._leases.take(f"lock:{bot_id}:{name}", ttl_seconds=self._ttl)
        if held is None:
            raise (
                Unavailable(Text("lock {name} is held", name=name), code="locked") if patient else Busy(name)
            )
        try:
            yield
            if not held.alive:
                raise Unavailable(Text("lock {name} was lost", name=name), code="lock_lost")
        finally:
            held.release()
