"""The poller process: long-polls all running polling bots. `python -m jobs.poller`.

Several may run; the one that holds the lease polls, the others stand by and take over within 15 seconds.
"""
# ruff: noqa: E402  # the patch comes before every other import

import gc

gc.disable()  # until `process.begin`: what importing makes stays, and searching it for garbage took a fifth of the start

from services.core.greenlets import patch

patch()

import logging
import signal
import threading
import time

import gevent

from jobs import process
from jobs.leadership import STANDBY_SECONDS, Leadership
from services.fleet.plugin_loading.reloader import Reloader
from services.messaging.polling.poller import Poller, refresh_safely
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from services.queueing.heartbeats import Heartbeats

logger = logging.getLogger(__name__)
LEASE_SECONDS = 6.0
REFRESH_SECONDS = 15.0  # the bots are read anew at least so often, should a change go unheard
SHUTDOWN_TIMEOUT_SECONDS = 0.1  # changes that come together are one refresh


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    platform = process.begin("poller")
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, process.stopping.set)  # a second one changes nothing
    logger.info("poller started")
    poller = Poller(platform)
    reloader = Reloader(platform, on_swap=lambda: heartbeats.beat_now())
    heartbeats = Heartbeats(
        platform, "poller", lambda: {"bots": len(poller.bot_ids), "plugins": reloader.report()}
    )
    reloader.begin()  # plugins say which kinds of update their bots want
    reloader.start()
    heartbeats.start()
    leadership = Leadership(platform, "poller", ttl_seconds=LEASE_SECONDS)
    while not process.stopping.is_set():
        if leadership.acquire():
            _poll(platform, poller, leadership)
        else:
            process.stopping.wait(STANDBY_SECONDS)
    reloader.stop()
    heartbeats.stop()
    logger.info("poller stopped")


def _poll(platform: Platform, poller: Poller, leadership: Leadership) -> None:
    """Poll as long as the lease is ours."""
    changed = threading.Event()

    def on_change(topic: Topic, _identity: int) -> None:
        if topic is not Topic.POOL:
            changed.set()

    platform.changes.subscribe(on_change)
    refreshed = 0.0
    while leadership.holds and not process.stopping.is_set():
        now = time.monotonic()
        if changed.is_set() or now - refreshed >= REFRESH_SECONDS:
            changed.clear()
            refresh_safely(poller)
            refreshed = now
        process.stopping.wait(SHUTDOWN_TIMEOUT_SECONDS)
    platform.changes.unsubscribe(on_change)
    poller.stop()
    leadership.release()


if __name__ == "__main__":
    main()
