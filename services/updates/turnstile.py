"""Single file for the work of bots with a backlog (U4), so that everything else of the process finds the loop free."""

from __future__ import annotations

import threading
import time

TURN_SECONDS = 0.002  # of work from backlogs without a pause
PAUSE_SECONDS = 0.0005  # more than zero: only then does the loop look for what came in meanwhile


class Turnstile:
    """Shared by all lanes of a process. Passing it is short; what a handler waits for afterwards holds nobody up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = 0.0

    def pass_through(self) -> None:
        """Return when the next piece of work may begin."""
        with self._lock:
            if time.monotonic() - self._turn > TURN_SECONDS:
                time.sleep(PAUSE_SECONDS)
                self._turn = time.monotonic()
