"""The programs process: serves bots' own programs that do not ask over HTTP. `python -m jobs.programs`.

Several may run; the one that holds the lease works, the others stand by and take over within ten seconds. One that is not root
and so cannot start programs as processes leaves the lead to one that can. It uses threads, not
greenlets: what it waits for, like the client of Kafka, knows nothing of gevent.
"""
# ruff: noqa: E402  # the collector is switched off before every other import

import gc

gc.disable()  # until `process.begin`: what importing makes stays, and searching it for garbage took a fifth of the start

import logging
import signal
import threading
from collections.abc import Callable
from functools import cache
from typing import Final

from redis import RedisError

from jobs import process
from jobs.leadership import STANDBY_SECONDS, Leadership
from services.core.environment import settings_or_exit
from services.core.worker_settings import WorkerDriver
from services.messaging.workers.kafka.loops import feed_kafka, move_from_kafka
from services.messaging.workers.streams.serving import serve_streams
from services.messaging.workers.webhooks.delivery import deliver_webhooks
from services.operations.programs.kubernetes.driver import check_access, drive
from services.operations.programs.local import is_able
from services.operations.programs.supervision import Supervisor
from services.platform.platform import Platform
from services.queueing.heartbeats import Heartbeats, processes

logger = logging.getLogger(__name__)
LEASE_SECONDS: Final = 9.0
SPARE_SECONDS: Final = 3.0  # what was begun under the lease ends within it
RETRY_SECONDS: Final = 1.0
# Each works for as long as the callable says yes, and then returns soon.
Loop = Callable[[Platform, Callable[[], bool]], None]
LOOPS: Final[tuple[Loop, ...]] = (serve_streams, deliver_webhooks, feed_kafka, move_from_kafka)


@cache
def _supervisor() -> Supervisor:
    """What starts programs as processes of this machine; it outlives a lease, so that a restart of Redis ends no program."""
    return Supervisor(process.platform())


def _run_programs(_platform: Platform, goes_on: Callable[[], bool]) -> None:
    _supervisor().lead(goes_on)
    if process.stopping.is_set():
        _supervisor().stop()


DRIVERS: Final[dict[WorkerDriver, Loop]] = {
    WorkerDriver.LOCAL: _run_programs,
    WorkerDriver.KUBERNETES: drive,
}


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings_or_exit(check_access)
    platform = process.begin("programs")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stopping.set())  # a second one changes nothing
    logger.info("programs started")
    leadership = Leadership(platform, "programs", ttl_seconds=LEASE_SECONDS, spare_seconds=SPARE_SECONDS)
    starts = platform.settings.worker_driver is not WorkerDriver.LOCAL or is_able()
    heartbeats = Heartbeats(platform, "programs", lambda: {"leads": leadership.holds, "starts": starts})
    heartbeats.start()
    while not process.stopping.is_set():
        if (starts or not gives_way(platform)) and leadership.acquire():
            lead(platform, leadership, starts=starts)
        else:
            process.stopping.wait(STANDBY_SECONDS)
    heartbeats.stop()
    logger.info("programs stopped")


def gives_way(platform: Platform) -> bool:
    """Whether another process can start programs, for one that cannot: it leaves the lead to it."""
    try:
        return any(
            each.service == "programs" and each.figures.get("starts") and each.is_alive
            for each in processes(platform)
        )
    except RedisError:
        return False


def lead(platform: Platform, leadership: Leadership, *, starts: bool) -> None:
    """Work as long as the lease is ours."""
    yields = False

    def goes_on() -> bool:
        return leadership.holds and not process.stopping.is_set() and not yields

    driver = DRIVERS.get(platform.settings.worker_driver)
    loops = (*LOOPS, driver) if driver is not None else LOOPS
    threads = [threading.Thread(target=_keep, args=(loop, platform, goes_on)) for loop in loops]
    for thread in threads:
        thread.start()
    while goes_on():
        process.stopping.wait(STANDBY_SECONDS)
        yields = not starts and gives_way(platform)
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
