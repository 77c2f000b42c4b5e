"""Ends a process whose loop is blocked: its leases run out anyway, and only a new process serves again."""

from __future__ import annotations

import faulthandler
import os
import sys
import time

import gevent
from gevent import monkey

LONGEST_SECONDS = 60.0  # without a turn of the loop; a handler has 30 to give it one
POLL_INTERVAL_SECONDS = 1.0


class Watchdog:
    """A real thread that watches the greenlets' loop."""

    def __init__(self, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._longest = longest_seconds
        self._turn = time.monotonic()

    def start(self) -> None:
        """Begin watching; returns at once."""
        gevent.spawn(self._turn_for_ever)
        start_new_thread = monkey.get_original("_thread", "start_new_thread")
        start_new_thread(self._watch_for_ever, ())

    def _turn_for_ever(self) -> None:
        while True:
            self._turn = time.monotonic()
            gevent.sleep(POLL_INTERVAL_SECONDS)

    def _watch_for_ever(self) -> None:
        sleep = monkey.get_original("time", "sleep")
        while True:
            sleep(POLL_INTERVAL_SECONDS)
            if time.monotonic() - self._turn > self._longest:
                faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
                os._exit(70)  # EX_SOFTWARE: the master forks another
