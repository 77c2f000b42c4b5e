"""The sandbox's time: the machine's, shifted on demand so that a test can let 24 hours pass at once."""

from __future__ import annotations

import time


class Clock:
    """Wall clock in Unix seconds plus an offset set by the control API."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Unix time in seconds, with the offset."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward; expiry and limits see it at once, running waits do not."""
        self.offset += seconds
