"""The process that works at the ledgers of broadcasts, started by a worker's job and ending with it. `python -m jobs.ledgers`."""

from __future__ import annotations

import signal

from jobs import process
from services.messaging.broadcasts import runner


def main() -> None:
    """Prepare, feed and settle what is under way until nothing needs it, or SIGTERM; ends at once when another is at it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stopping.set())
    platform = process.begin("ledgers")
    runner.run_broadcasts(platform, process.stopping)


if __name__ == "__main__":
    main()
