"""The job of broadcasts: has the ledgers worked at, by a process of its own, until none needs it.

What that costs is a transaction for every few dozen people. In this process, which answers people, each would hold up
whoever is being answered: greenlets give way to nobody, processes do.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from jobs import process
from services.core.child_processes import tied_to_parent
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.platform.application import ROOT

NICENESS: Final = 5
STOP_SECONDS: Final = 10.0  # what the worker that is stopped has left for others
LOOK_SECONDS: Final = 0.5


def run_broadcasts() -> None:
    """Prepare, feed and settle what is under way; returns at once when another process is at it."""
    command = ["nice", "-n", str(NICENESS), *tied_to_parent([sys.executable, "-m", "jobs.ledgers"])]
    with subprocess.Popen(command, cwd=ROOT) as ledgers:  # noqa: S603 - our own program
        while ledgers.poll() is None and not process.stopping.wait(LOOK_SECONDS):
            pass
        if ledgers.poll() is None:
            _end(ledgers)
        elif ledgers.returncode and not process.stopping.is_set():  # all of us may have been told to stop
            raise Unavailable(
                Text("The process of the broadcasts ended with {code}; see the log", code=ledgers.returncode),
                code="ledgers_ended",
            )


def _end(ledgers: subprocess.Popen[bytes]) -> None:
    ledgers.terminate()
    try:
        ledgers.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:  # what it had claimed is found in the ledgers again
        ledgers.kill()
