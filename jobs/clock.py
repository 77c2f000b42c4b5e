"""The clock process (H1): rings for work at fixed times, and does none of it. `python -m jobs.clock`.

Several may run; the one that holds the lease ticks, the others stand by and take over within eleven seconds.
"""
# ruff: noqa: E402  # the patch comes before every other import

from gevent import monkey

monkey.patch_all()

import logging
import signal
import threading

import gevent

from jobs import process
from jobs.leadership import Leadership
from jobs.timetable import start_scheduler, ticks
from services.platform import Platform
from services.system.heartbeats import Heartbeats

logger = logging.getLogger(__name__)


def run(platform: Platform, stopped: threading.Event) -> None:
    """Tick whenever this clock leads, until `stopped`; ends within a second or two of it."""
    leadership = Leadership(platform)
    again = leadership.keep()
    heartbeats = Heartbeats(platform, "clock", lambda: {"leads": leadership.holds})
    heartbeats.start()
    scheduler = start_scheduler(platform, leadership, ticks(platform))
    while not stopped.wait(again):
        again = leadership.keep()
    scheduler.shutdown(wait=False)  # type: ignore[no-untyped-call]
    leadership.release()
    heartbeats.stop()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    platform = process.begin("clock")
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, process.stopping.set)  # a second one changes nothing
    logger.info("clock started")
    run(platform, process.stopping)
    logger.info("clock stopped")


if __name__ == "__main__":
    main()
