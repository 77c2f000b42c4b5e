"""How a program's webhook is doing: how many updates it may be given at once, and whether a failure is the update's own fault.

Five failures make an update a dead letter. An endpoint that is down as a whole would bury everything that way within a minute. So
a failure counts against its update only while the endpoint is seen to be well: it took others meanwhile. Else the endpoint is tried
with one update at a time, more and more seldom, and nothing is counted, as of a program that does not ask. An update that the
endpoint has been answering wrongly for ten minutes, with nobody writing meanwhile who could prove it well, counts all the same: its
chat has to go on some day, and at a try a minute a night costs few dead letters. No I/O, no clock: times are seconds of any clock that only goes forward.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

FIRST_REST: Final = 0.5  # seconds after the first failure, doubled with each more
LONGEST_REST: Final = 60.0
LONGEST_WISH: Final = 600.0  # of an endpoint's own Retry-After
LATELY: Final = 10.0  # an endpoint that took something so many seconds ago is well
STREAK: Final = 3  # failures in a row after which it is not
ALONE_FOR: Final = 600.0
MOST_REMEMBERED: Final = 1000


@dataclass
class EndpointState:
    """What is known of one endpoint in this process; `failing` has when an update failed first and last."""

    first_rest: float = FIRST_REST
    failures: int = 0  # in a row, of the endpoint as a whole
    rests_until: float = 0.0
    good_at: float = float("-inf")
    streak: int = 0  # failures since it last took something, whosesoever fault
    failing: dict[str, tuple[float, float]] = field(default_factory=dict)

    def at_once(self, now: float, most: int) -> int:
        """How many updates it may have at a time just now."""
        if now < self.rests_until:
            return 0
        return 1 if self.failures else most

    def succeeded(self, update: str, now: float) -> None:
        """It took the update."""
        self.failures = self.streak = 0
        self.rests_until, self.good_at = 0.0, now
        self.failing.pop(update, None)

    def failed(self, update: str, now: float, *, reached: bool, retry_after: float | None = None) -> bool:
        """Whether the failure counts against the update. `reached` is false where the program cannot have seen it.

        `retry_after` is for how many seconds the endpoint itself wants to be left alone.
        """
        first, last = self.failing.get(update, (now, None))
        self._remember(update, first, now)
        is_well = (
            self.streak < STREAK and self.good_at > now - LATELY if last is None else self.good_at > last
        )
        self.streak += 1
        is_seen = reached and retry_after is None
        if is_seen and is_well:
            return True
        self.failures += 1
        rest = min(LONGEST_REST, self.first_rest * 2.0 ** min(self.failures - 1, 10)) * random.uniform(
            0.75, 1.25
        )
        self.rests_until = now + max(rest, min(retry_after or 0.0, LONGEST_WISH))
        return is_seen and now - first >= ALONE_FOR

    def _remember(self, update: str, first: float, now: float) -> None:
        self.failing.pop(update, None)
        self.failing[update] = (first, now)
        if len(self.failing) > MOST_REMEMBERED:
            self.failing.pop(next(iter(self.failing)))
