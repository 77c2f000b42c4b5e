"""The worker process: RQ workers as greenlets of one process, one queue each. `python -m jobs.worker`."""
# ruff: noqa: E402  # the patch comes before every other import

import gc

gc.disable()  # until `process.begin`: what importing makes stays, and searching it for garbage took a fifth of the start

from services.core.greenlets import patch

patch()

import logging
import os
import secrets
import signal
import socket
import time
from collections import Counter
from typing import Any

import gevent
from gevent.event import Event
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

import services.messaging.outbox.senders
import services.messaging.updates.update_consumers  # noqa: F401 - both are what `process` imports later: here for all children
from jobs import prefork, process
from jobs.rq_worker import WORKER_TTL_SECONDS, GreenletWorker, bury
from jobs.watchdog import Watchdog
from services.core.settings import Settings
from services.core.ticks import until_tick
from services.fleet.declared.watching import BotFileWatch
from services.fleet.plugin_loading.reloader import Reloader
from services.messaging.updates.reconcile import wake_waiting
from services.operations.sweep_watchdog import SweepWatchdog
from services.platform.platform import Platform
from services.platform.redis.jobs import JobQueue
from services.platform.redis.trouble import AWAY, redis_trouble
from services.platform.telegram.telebot_sender import install
from services.queueing.fair_share import share_out
from services.queueing.heartbeats import Heartbeats

logger = logging.getLogger(__name__)
RETRY_SECONDS = 0.5  # between attempts to reach Redis
POLL_INTERVAL_SECONDS = (
    5.0  # between looks for what a dead process left; the clock looks too, but may be dead itself
)
STOP_SECONDS = 18.0  # Heroku kills after 30 s, our own supervisor after 20


class Worker:
    """One queue's worker in a greenlet, started again whenever Redis was away."""

    def __init__(self, platform: Platform, queue: JobQueue, number: int) -> None:
        self._platform = platform
        self.queue = queue
        # RQ refuses the name of a worker that it did not see end, and in a container process ids come again.
        unique = f"{os.getpid()}.{secrets.token_hex(4)}"
        self._name = f"{socket.gethostname()}.{unique}.{queue}.{number}"
        self._life = 0
        self._rq: GreenletWorker | None = None
        self._greenlet = gevent.spawn(self._run_for_ever)

    def _run_for_ever(self) -> None:
        while not process.stopping.is_set():
            try:
                self._run()
            except RedisError as error:
                logger.warning(
                    "worker on %s: %s (%s)", self.queue, redis_trouble(error), type(error).__name__
                )
            except StopRequested:
                return
            process.stopping.wait(RETRY_SECONDS)

    def _run(self) -> None:
        self._life += 1  # RQ refuses a name whose former holder it did not see die
        self._rq = GreenletWorker(
            [str(self.queue)],
            name=f"{self._name}.{self._life}",
            connection=self._platform.worker_redis,
            serializer=JSONSerializer,
            exception_handlers=[bury],
            log_job_description=False,
            worker_ttl=WORKER_TTL_SECONDS,
        )
        self._rq.work(logging_level=None)

    @property
    def is_busy(self) -> bool:
        """Whether a job is running."""
        return self._rq is not None and self._rq.is_busy

    def stop(self) -> None:
        """Ask for the end; a waiting worker ends at once, a busy one after its job."""
        if self._rq is None:
            self._greenlet.kill(StopRequested, block=False)
            return
        self._rq.stop()
        if not self._rq.is_busy:
            self._greenlet.kill(StopRequested, block=False)

    def join(self, seconds: float) -> bool:
        """Wait for the end; False when it did not come in time."""
        self._greenlet.join(timeout=max(0.0, seconds))
        return bool(self._greenlet.dead)


def start_workers(platform: Platform) -> list[Worker]:
    """All workers of this process, as many per queue as the settings say."""
    return [
        Worker(platform, queue, number)
        for queue, count in _counts(platform.settings).items()
        for number in range(count)
    ]


def _counts(settings: Settings) -> dict[JobQueue, int]:
    return {
        JobQueue.UPDATES: settings.inbound_workers,
        JobQueue.OUTBOUND: settings.outbound_workers,
        JobQueue.DEFAULT: settings.default_workers,
        JobQueue.BROADCASTS: 1,  # one process of an installation works at the ledgers, under a lease
    }


def main() -> None:
    """Run until SIGTERM or SIGINT, then hand everything back and end within 20 seconds."""
    platform = process.begin("worker")
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)  # a second one changes nothing
    Watchdog().start()
    install(platform.telegram)  # plugins may use telebot; whatever it sends goes our way
    plugins = process.update_consumers().plugins
    reloader = Reloader(
        platform,
        prepare=plugins.prepare,
        outcomes=plugins.outcomes,
        on_swap=lambda: heartbeats.beat_now(),
    )
    workers: list[Worker] = []
    heartbeats = Heartbeats(
        platform,
        "worker",
        lambda: {**_figures(workers), "plugins": reloader.report()},
        prefork.former,
    )
    reloader.begin()  # before the first update is handled
    reloader.start()
    workers += start_workers(platform)
    bot_files = BotFileWatch(platform)
    bot_files.start()
    gevent.spawn(look_out, platform)
    heartbeats.start()
    sweeps = SweepWatchdog(platform)
    sweeps.start()
    logger.info("worker started", extra={"workers": len(workers)})
    ended.wait()
    sweeps.stop()
    bot_files.stop()
    reloader.stop()
    process.stopping.set()
    heartbeats.beat_now()  # others take over what this one hands back
    platform.worker_redis.set_retry(Retry(NoBackoff(), 0))  # nobody waits for a Redis any more
    stop_workers(workers)
    process.stop_consumers()
    heartbeats.stop()
    logger.info("worker stopped")


def look_out(platform: Platform) -> None:
    """Ring for what dead processes left, at once and then now and again, and share lanes and shards with other processes,
    until this one stops.
    """
    is_first = True
    shares = {
        JobQueue.UPDATES: process.update_consumers().share,
        JobQueue.OUTBOUND: process.senders().share,
    }
    while not process.stopping.is_set():
        try:
            wake_waiting(platform, anew=is_first)
            is_first = False
            share_out(platform, shares)
        except RedisError as error:
            logger.debug("no look for orphaned work: %s", type(error).__name__)
            if isinstance(error, AWAY):  # and may be back in a moment
                process.stopping.wait(RETRY_SECONDS)
                continue
        process.stopping.wait(until_tick(POLL_INTERVAL_SECONDS))


def _figures(workers: list[Worker]) -> dict[str, Any]:
    return {
        "workers": len(workers),
        "busy": sum(worker.is_busy for worker in workers),
        "queues": {} if process.stopping.is_set() else Counter(str(worker.queue) for worker in workers),
    }


def stop_workers(workers: list[Worker]) -> None:
    """End all workers, waiting STOP_SECONDS at most; what is left over is recovered by whoever runs next."""
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.stop()
    late = [worker for worker in workers if not worker.join(deadline - time.monotonic())]
    if late:
        logger.warning("%d workers did not end in time", len(late))


if __name__ == "__main__":
    prefork.serve("worker", main)
