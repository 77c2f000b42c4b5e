"""The poller process: long-polls all running polling bots. `python -m jobs.poller`.

Several may run; the one that holds the lease polls, the others stand by and take over within 15 seconds.
"""
# ruff: noqa: E402  # the patch comes before every other import

from gevent import monkey

monkey.patch_all()

import logging
import signal
import threading
import time

import gevent
from redis import RedisError

from jobs import process
from services.messaging.polling.poller import Poller, refresh_safely
from services.platform.platform import Platform
from services.platform.redis.changes import ChangeListener, Topic
from services.platform.redis.leases import Lease
from services.queueing.heartbeats import Heartbeats

logger = logging.getLogger(__name__)
LEASE = "poller"
LEASE_SECONDS = 6.0
RENEW_SECONDS = 2.0
STANDBY_SECONDS = 1.0  # a second poller takes over within 6 + 1 s
REFRESH_SECONDS = 15.0  # the bots are read anew at least so often, should a change go unheard
SHUTDOWN_TIMEOUT_SECONDS = 0.1  # changes that come together are one refresh


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    platform = process.begin("poller")
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, process.stopping.set)  # a second one changes nothing
    logger.info("poller started")
    poller = Poller(platform)
    heartbeats = Heartbeats(platform, "poller", lambda: {"bots": len(poller.bot_ids)})
    heartbeats.start()
    while not process.stopping.is_set():
        lease = _take(platform)
        if lease is None:
            process.stopping.wait(STANDBY_SECONDS)
        else:
            _poll(platform, poller, lease)
    heartbeats.stop()
    logger.info("poller stopped")


def _poll(platform: Platform, poller: Poller, lease: Lease) -> None:
    """Poll as long as the lease is ours."""
    logger.info("this poller polls")
    changed = threading.Event()

    def on_change(topic: Topic, _identity: int) -> None:
        if topic is not Topic.POOL:
            changed.set()

    listener = ChangeListener(platform.redis, platform.blocking_redis, on_change)
    listener.start()
    refreshed = renewed = 0.0
    while not process.stopping.is_set():
        now = time.monotonic()
        if now - renewed >= RENEW_SECONDS:
            if not _still_ours(lease):
                break
            renewed = now
        if changed.is_set() or now - refreshed >= REFRESH_SECONDS:
            changed.clear()
            refresh_safely(poller)
            refreshed = now
        process.stopping.wait(SHUTDOWN_TIMEOUT_SECONDS)
    listener.stop()
    poller.stop()
    _give_back(lease)


def _take(platform: Platform) -> Lease | None:
    try:
        return Lease.take(platform.redis, LEASE, ttl_seconds=LEASE_SECONDS)
    except RedisError as error:
        logger.warning("poller: Redis does not answer (%s)", type(error).__name__)
        return None


def _still_ours(lease: Lease) -> bool:
    """Whether to go on. While Redis is away nobody else can take the lease, and nothing is accepted anyway."""
    try:
        return lease.renew()
    except RedisError as error:
        logger.warning("poller: Redis does not answer (%s)", type(error).__name__)
        return True


def _give_back(lease: Lease) -> None:
    try:
        lease.release()
    except RedisError:
        logger.warning("poller: the lease could not be given back; it ends by itself")


if __name__ == "__main__":
    main()
