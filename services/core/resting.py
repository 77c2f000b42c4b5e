"""Leaving a worker process to those who answer people: long work is done in small pieces, with longer pauses between them.

Greenlets give way to nobody: a piece that has begun is ended, and an answer on its way needs several turns of the process. So a
piece begins when no answer is on its way, or has waited for that for long enough.
"""

from __future__ import annotations

import time
from typing import Final

PIECE_SECONDS: Final = 0.002  # less is not worth a pause
FACTOR: Final = 2.0  # a pause is so many times as long as the piece before it: a third of the time is the most that is taken
LONGEST_SECONDS: Final = 0.02  # a piece that took longer waited for something itself
STEP_SECONDS: Final = (
    0.004  # from one step of an answer to the next: a handler that waits for others leaves time
)
LATELY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.002


class Answering:
    """Whether somebody is being answered in this process: each step on the way from an update to its reply is noted."""

    def __init__(self) -> None:
        self._until = 0.0

    def note(self) -> None:
        """A step has begun or ended: the next follows soon."""
        self._until = time.monotonic() + STEP_SECONDS

    @property
    def is_on(self) -> bool:
        """Whether a step follows soon."""
        return time.monotonic() < self._until

    @property
    def was_lately(self) -> bool:
        """Whether the last step was a moment ago, so that somebody else is likely to come."""
        return time.monotonic() < self._until + LATELY_SECONDS


answering: Final = Answering()  # of this process


def rest(since: float) -> float:
    """Pause for as long as befits what was done from `since`, a moment of the monotonic clock, until now; since when the next piece counts.

    A pause that is but one turn of the process long would put a piece between each two of an answer's.
    """
    worked = time.monotonic() - since
    if worked < PIECE_SECONDS:
        return since
    time.sleep(min(LONGEST_SECONDS, worked * FACTOR))
    return make_way()


def make_way() -> float:
    """Wait until nobody is being answered, for a little while at most; since when the next piece counts."""
    now = time.monotonic()
    ends = now + LONGEST_SECONDS
    while answering.is_on and now < ends:
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
    return now
