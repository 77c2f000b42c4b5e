"""The programs process: serves bots' own programs that do not ask over HTTP. `python -m jobs.programs`.

Several may run; the one that holds the lease works, the others stand by and take over within ten seconds. It uses threads, not
greenlets: what it waits for, like the client of Kafka, knows nothing of gevent.
"""
# ruff: noqa: E402  # the collector is switched off before every other import

import gc

gc.disable()  # until `process.begin`: what importing makes stays, and searching it for garbage took a fifth of the start

import logging
import signal
import threading
from collections.abc import Callable
from typing import Final

from jobs import process
from jobs.leadership import STANDBY_SECONDS, Leadership
from services.messaging.workers.webhook_delivery import deliver_webhooks
from services.platform.platform import Platform
from services.queueing.heartbeats import Heartbeats

logger = logging.getLogger(__name__)
LEASE_SECONDS: Final = 9.0
SPARE_SECONDS: Final = 3.0  # what was begun under the lease ends within it
RETRY_SECONDS: Final = 1.0
# Each works for as long as the callable says yes, and then returns soon.
Loop = Callable[[Platform, Callable[[], bool]], None]
LOOPS: Final[tuple[Loop, ...]] = (deliver_webhooks,)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    platform = process.begin("programs")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stopping.set())  # a second one changes nothing
    logger.info("programs started")
    leadership = Leadership(platform, "programs", ttl_seconds=LEASE_SECONDS, spare_seconds=SPARE_SECONDS)
    heartbeats = Heartbeats(platform, "programs", lambda: {"leads": leadership.holds})
    heartbeats.start()
    while not process.stopping.is_set():
        if leadership.acquire():
            _lead(platform, leadership)
        else:
            process.stopping.wait(STANDBY_SECONDS)
    heartbeats.stop()
    logger.info("programs stopped")


def _lead(platform: Platform, leadership: Leadership) -> None:
    """Work as long as the lease is ours."""

    def goes_on() -> bool:
        return leadership.holds and not process.stopping.is_set()

    threads = [threading.Thread(target=_keep, args=(loop, platform, goes_on)) for loop in LOOPS]
    for thread in threads:
        thread.start()
    while goes_on():
        process.stopping.wait(STANDBY_SECONDS)
    for thread in threads:
        thread.join()
    leadership.release()


def _keep(loop: Loop, platform: Platform, goes_on: Callable[[], bool]) -> None:
    """Have a loop run again after an error of it: one that fails does not end the others."""
    while goes_on():
        try:
            loop(platform, goes_on)
        except Exception:  # whatever it is, the others go on, and this one begins anew
            logger.exception("programs: %s begins anew", loop.__module__)
            process.stopping.wait(RETRY_SECONDS)


if __name__ == "__main__":
    main()
