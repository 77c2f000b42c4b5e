"""How long a poll waits after what; tests give shorter times."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class PollTimings:
    """All in seconds."""

    backoff: tuple[float, float] = (1.0, 30.0)  # after a failure, doubled from the first to the second
    dead_token: float = 60.0  # a rejected token may come back (401 has been seen to flap): ask slowly
    conflict: float = 20.0  # each poll of ours cuts off the other program's: no hurry
    peace: float = 60.0  # so long without a conflict, and the other program is taken to be gone
    removal: float = (
        60.0  # so long a webhook may be our own, of before, which the reconciler is about to remove
    )
    fruitless: float = (
        1.0  # from one long poll to the next when it brought nothing, however soon that was said
    )

    def pause_after(self, troubles: int) -> float:
        """Seconds to wait after so many failures in a row."""
        first, most = self.backoff
        return min(first * 2.0 ** min(troubles, 10), most) * random.uniform(0.5, 1.0)


DEFAULT_TIMINGS = PollTimings()
