"""The moments at which a process does what it does again and again: common ones, so that it shares round trips (ADR 74)."""

from __future__ import annotations

import os
import random
import time
from typing import Final

# Of a second, times the number of the process: those of a machine do not all come at once, nor those that are number 1 each.
APART: Final = random.random()
TOO_SOON: Final = 0.1  # of the seconds: whoever wakes a little early does not wake twice


def until_tick(seconds: float) -> float:
    """Seconds until this process's clock is next at a multiple of `seconds`; more than a tenth of them, at most eleven."""
    left = seconds - (time.monotonic() + os.getpid() * APART) % seconds
    return left if left > TOO_SOON * seconds else left + seconds
