"""Leaving a worker process to those who answer people: long work is done in small pieces, with longer pauses between them."""

from __future__ import annotations

import time
from typing import Final

PIECE_SECONDS: Final = 0.002  # less is not worth a pause
FACTOR: Final = 2.0  # a pause is so many times as long as the piece before it: a third of the time is the most that is taken
LONGEST_SECONDS: Final = 0.02  # a piece that took longer waited for something itself


def rest(since: float) -> float:
    """Pause for as long as befits what was done from `since`, a moment of the monotonic clock, until now; since when the next piece counts.

    An answer on its way takes several turns of the process. A pause that is but one turn long would put a piece between each two.
    """
    worked = time.monotonic() - since
    if worked < PIECE_SECONDS:
        return since
    time.sleep(min(LONGEST_SECONDS, worked * FACTOR))
    return time.monotonic()
