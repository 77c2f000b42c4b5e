"""How long a consumer stays in its lane or shard."""

from __future__ import annotations

import time
from typing import Final

from services.platform.redis.lease_renewer import HeldLease
from services.queueing.fair_share import ASKED_SECONDS, SETTLED_SECONDS

TOO_LONG: Final = 2  # times as long as it should last
AT_ANY_PRICE: Final = 2.5  # the same; half an hour before RQ would end the job of a stay of ten minutes


class Stay:
    """One stay under a lease. After `longest` seconds the lease is asked for again and again: it is handed back as soon as
    everything at work happens to end within a moment, and what has something slow at work goes on meanwhile. Twice as long
    is too long: nothing more is taken up until everything has ended. What may wait for others to be settled, as sends may,
    leaves at last whatever is under way.
    """

    def __init__(self, lease: HeldLease, longest: float) -> None:
        self._lease = lease
        self._longest = longest
        self._began = time.monotonic()

    @property
    def wanted_back(self) -> bool:
        """Whether nothing more is to be taken up, so that the lease can be handed back when nothing runs."""
        lasted = time.monotonic() - self._began
        if lasted > self._longest:
            self._lease.ask_back(settled=min(SETTLED_SECONDS, self._longest), patience=ASKED_SECONDS)
        return self._lease.wanted_back or lasted > TOO_LONG * self._longest

    @property
    def is_over(self) -> bool:
        """Whether to leave whatever is under way, for whoever may do so: what cannot be settled must not stop all others."""
        return time.monotonic() - self._began > AT_ANY_PRICE * self._longest
