"""The worker process (U8): RQ workers as greenlets of one process, one queue each. `python -m jobs.worker`."""
# ruff: noqa: E402  # the patch comes before every other import

from gevent import monkey

monkey.patch_all()

import logging
import os
import signal
import socket
import time
from typing import Any

import gevent
from gevent.event import Event
from redis import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from jobs import process
from services.platform import Platform
from services.redis.jobs import JobName, JobQueue
from services.settings import Settings
from services.system.heartbeats import Heartbeats
from services.telegram.telebot_sender import install

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0  # between attempts to reach Redis
STOP_SECONDS = 18.0  # Heroku kills after 30 s, our own supervisor after 20
ALLOWED = frozenset(JobName)


class GeventDeathPenalty(BaseDeathPenalty):
    """Ends a job that outstays its time; the stock one uses SIGALRM, which ends whichever greenlet is running."""

    def setup_death_penalty(self) -> None:
        self._timer = gevent.Timeout(
            self._timeout if self._timeout and self._timeout > 0 else None,
            self._exception(f"The job exceeded {self._timeout} seconds"),
        )
        self._timer.start()

    def cancel_death_penalty(self) -> None:
        self._timer.close()


class AllowedJob(Job):
    """A job whose function stands in JobName; callbacks and webhooks of RQ, which run or call anything, do nothing."""

    @property
    def func(self) -> Any:
        if self.func_name not in ALLOWED or self.instance is not None:
            raise PermissionError(f"The job function {self.func_name!r} is not allowed")
        return super().func

    def execute_success_callback(self, *_: Any) -> None:
        """Never: a callback is a function outside the allow-list."""

    def execute_failure_callback(self, *_: Any) -> None:
        """Never, as above."""

    def execute_stopped_callback(self, *_: Any) -> None:
        """Never, as above."""

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Never: an address in Redis must not make this process call out."""


class GreenletWorker(SimpleWorker):
    """A SimpleWorker that leaves signals, titles and remote commands of the process alone."""

    job_class = AllowedJob
    death_penalty_class = GeventDeathPenalty
    log_result_lifespan = False
    is_busy = False

    def _install_signal_handlers(self) -> None:
        """The process has its own."""

    def procline(self, message: str) -> None:
        """The process has one title."""

    def subscribe(self) -> None:
        """No remote commands: a connection and a greenlet less per worker."""

    def execute_job(self, job: Job, queue: Any) -> None:
        """Run the job, leaving a mark that a stop must wait for it."""
        self.is_busy = True
        try:
            super().execute_job(job, queue)
        finally:
            self.is_busy = False

    def stop(self) -> None:
        """End after the present job."""
        self._stop_requested = True


class Worker:
    """One queue's worker in a greenlet, started again whenever Redis was away."""

    def __init__(self, platform: Platform, queue: JobQueue, number: int) -> None:
        self._platform = platform
        self._queue = queue
        self._name = f"{socket.gethostname()}.{os.getpid()}.{queue}.{number}"
        self._life = 0
        self._rq: GreenletWorker | None = None
        self._greenlet = gevent.spawn(self._run_for_ever)

    def _run_for_ever(self) -> None:
        while not process.stopping.is_set():
            try:
                self._run()
            except RedisError as error:
                logger.warning("worker on %s: Redis does not answer (%s)", self._queue, type(error).__name__)
            except StopRequested:
                return
            process.stopping.wait(RETRY_SECONDS)

    def _run(self) -> None:
        self._life += 1  # RQ refuses a name whose former bearer it did not see die
        self._rq = GreenletWorker(
            [str(self._queue)],
            name=f"{self._name}.{self._life}",
            connection=self._platform.job_redis,
            serializer=JSONSerializer,
            exception_handlers=[_report_failure],
            log_job_description=False,
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


def _report_failure(job: Job, kind: type[BaseException], error: BaseException, _trace: Any) -> bool:
    logger.error("job %s failed: %s", job.func_name, kind.__name__, extra={"job_id": job.id})
    return True


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
    }


def main() -> None:
    """Run until SIGTERM or SIGINT, then hand everything back and end within 20 seconds."""
    platform = process.begin("worker")
    install(platform.telegram)  # plugins may use telebot; whatever it sends goes our way
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)  # a second one changes nothing
    workers = start_workers(platform)
    heartbeats = Heartbeats(platform, "worker", lambda: _figures(workers))
    heartbeats.start()
    logger.info("worker started", extra={"workers": len(workers)})
    ended.wait()
    stop_workers(workers)
    heartbeats.stop()
    logger.info("worker stopped")


def _figures(workers: list[Worker]) -> dict[str, int]:
    return {"workers": len(workers), "busy": sum(worker.is_busy for worker in workers)}


def stop_workers(workers: list[Worker]) -> None:
    """End all workers, waiting STOP_SECONDS at most; what is left over is recovered by whoever runs next."""
    process.stopping.set()
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.stop()
    late = [worker for worker in workers if not worker.join(deadline - time.monotonic())]
    if late:
        logger.warning("%d workers did not end in time", len(late))


if __name__ == "__main__":
    main()
