"""The clock process: rings for work at fixed times, and does none of it. `python -m jobs.clock`.

Several may run; the one that holds the lease ticks, the others stand by and take over within eleven seconds.
"""
# ruff: noqa: E402  # the patch comes before every other import

from gevent import monkey

monkey.patch_all()

import logging
import os
import signal
import threading

import gevent

from jobs import process
from jobs.leadership import Leadership
from jobs.schedule import start_scheduler, ticks
from services.platform.platform import Platform
from services.queueing.heartbeats import Heartbeats

logger = logging.getLogger(__name__)
SHUTDOWN_TIMEOUT_SECONDS = 1.5  # for giving back the lease and leaving the list of processes


def run(platform: Platform, stopped: threading.Event) -> None:
    """Tick whenever this clock leads, until `stopped`; then ends within PARTING_SECONDS, whatever Redis does."""
    leadership = Leadership(platform)
    again = leadership.keep()
    heartbeats = Heartbeats(platform, "clock", lambda: {"leads": leadership.holds})
    heartbeats.start()
    scheduler = start_scheduler(platform, leadership, ticks(platform))
    keeper = gevent.spawn(_keep_leading, leadership, again)
    stopped.wait()
    keeper.kill(block=False)
    scheduler.shutdown(wait=False)  # type: ignore[no-untyped-call]
    partings = [gevent.spawn(leadership.release), gevent.spawn(heartbeats.stop)]
    gevent.joinall(partings, timeout=SHUTDOWN_TIMEOUT_SECONDS)


def _keep_leading(leadership: Leadership, again: float) -> None:
    while True:
        gevent.sleep(again)
        again = leadership.keep()


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    platform = process.begin("clock")
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, process.stopping.set)  # a second one changes nothing
    logger.info("clock started")
    run(platform, process.stopping)
    logger.info("clock stopped")
    logging.shutdown()
    os._exit(0)  # an ordinary exit would wait for a tick that hangs on Redis; a tick leaves nothing half done


if __name__ == "__main__":
    main()
