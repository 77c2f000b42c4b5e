"""The clock process: rings for work at fixed times, and does none of it. `python -m jobs.clock`.

Several may run; the one that holds the lease ticks, the others stand by and take over within eleven seconds.
"""
# ruff: noqa: E402  # the patch comes before every other import

import gc

gc.disable()  # until `process.begin`: what importing makes stays, and searching it for garbage took a fifth of the start

from services.core.greenlets import patch

patch()

import logging
import os
import signal
import threading

import gevent

from jobs import process
from jobs.leadership import STANDBY_SECONDS, Leadership
from jobs.schedule import lead, start_scheduler, ticks
from services.platform.platform import Platform
from services.queueing.heartbeats import Heartbeats

logger = logging.getLogger(__name__)
SHUTDOWN_TIMEOUT_SECONDS = 1.5  # for giving back the lease and leaving the list of processes


def run(platform: Platform, stopped: threading.Event) -> None:
    """Tick whenever this clock leads, until `stopped`; then ends within PARTING_SECONDS, whatever Redis does."""
    leadership = lead(platform)
    leadership.acquire()
    heartbeats = Heartbeats(platform, "clock", lambda: {"leads": leadership.holds})
    heartbeats.start()
    scheduler = start_scheduler(platform, leadership, ticks(platform))
    standby = gevent.spawn(_stand_by, leadership)
    stopped.wait()
    standby.kill(block=False)
    scheduler.shutdown(wait=False)  # type: ignore[no-untyped-call]
    partings = [gevent.spawn(leadership.release), gevent.spawn(heartbeats.stop)]
    gevent.joinall(partings, timeout=SHUTDOWN_TIMEOUT_SECONDS)


def _stand_by(leadership: Leadership) -> None:
    while True:
        gevent.sleep(STANDBY_SECONDS)
        leadership.acquire()


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
