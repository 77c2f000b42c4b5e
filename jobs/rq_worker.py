"""RQ as our worker process uses it: greenlets instead of forks, an allow-list of functions, no remote commands."""

from __future__ import annotations

import logging
import re
import time
from functools import partial
from typing import Any

import gevent
from redis import RedisError
from rq import SimpleWorker
from rq.exceptions import AbandonedJobError, DeserializationError
from rq.job import Job
from rq.timeouts import BaseDeathPenalty

from jobs import process
from services.alerts.dead_letters.store import cause_of, explain, store_job
from services.core.errors import Unavailable
from services.core.logs import bind
from services.core.metrics import TASK_SECONDS
from services.platform.redis.jobs import JobName
from services.platform.redis.trouble import AWAY

logger = logging.getLogger(__name__)
ALLOWED: frozenset[str] = frozenset(JobName)
ANSWER_SECONDS = 3  # that Redis may take beyond the wait it was asked for
UNREADABLE = "unreadable"
OUR_FORM = re.compile(
    r"jobs\.[a-z_]+\.[a-z_]+"
)  # a name that another release may know; any other is nobody's
DEPLOYMENT_SECONDS = 120.0  # for which workers of both releases may run side by side
WORKER_TTL_SECONDS = 30  # an idle worker asks anew every 15; RQ's own 420 would sit on a dead connection


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


def is_of_another_release(name: str) -> bool:
    """Whether a job's name is one of ours in form, but not in this release."""
    return name not in ALLOWED and OUR_FORM.fullmatch(name) is not None


_met: dict[str, tuple[float, float]] = {}  # unknown name -> when it was met first and last in this deployment


def leave_to_another_release(name: str, /, *_: object, **__: object) -> None:
    """Do nothing: every job is a bell that is rung again, until a worker of its release answers.

    PermissionError when that goes on for longer than a deployment: no worker knows the job.
    """
    now = time.monotonic()
    first, last = _met.get(name, (now, now))
    if now - last > DEPLOYMENT_SECONDS:
        first = now
    _met[name] = first, now
    if now - first > DEPLOYMENT_SECONDS:
        raise _not_allowed(name)
    logger.warning("job %s is left to another release", name)


def _not_allowed(name: str) -> PermissionError:
    return PermissionError(f"The job function {name!r} is not allowed")


class AllowedJob(Job):
    """A job whose function stands in JobName; callbacks and webhooks of RQ, which run or call anything, do nothing."""

    def _deserialize_data(self) -> None:
        """A job that cannot be read, as of another serializer, bears nobody's name and is refused like any other."""
        try:
            super()._deserialize_data()  # type: ignore[no-untyped-call]
        except DeserializationError:
            self._func_name, self._instance, self._args, self._kwargs = UNREADABLE, None, (), {}

    @property
    def func(self) -> Any:
        name = str(self.func_name)
        if self.instance is None and is_of_another_release(name):
            return partial(leave_to_another_release, name)
        if self.instance is not None or name not in ALLOWED:
            raise _not_allowed(name)
        return super().func

    def execute_success_callback(self, *_: Any) -> None:
        """Never: a callback is a function outside the allow-list."""

    def execute_failure_callback(self, *_: Any) -> None:
        """Never, as above."""

    def execute_stopped_callback(self, *_: Any) -> None:
        """Never, as above."""

    def send_webhooks(self, *_: Any, **__: Any) -> None:
        """Never: an address in Redis must not make this process call out."""


def _without_traceback(record: logging.LogRecord) -> bool:
    """A filter: that Redis is away says a line, in place of RQ's hundred for each worker just when there is most to do."""
    if record.exc_info and isinstance(record.exc_info[1], AWAY):
        record.msg, record.exc_info = f"{record.msg} ({type(record.exc_info[1]).__name__})", None
    return True


logging.getLogger("rq.worker").addFilter(_without_traceback)


class GreenletWorker(SimpleWorker):
    """A SimpleWorker that leaves signals, titles and remote commands of the process alone."""

    job_class = AllowedJob
    death_penalty_class = GeventDeathPenalty
    log_result_lifespan = False
    max_connection_wait_time = 1  # s between attempts to reach Redis; RQ's own waits grow to a minute
    is_busy = False

    @property
    def connection_timeout(self) -> int:
        """Seconds after which a connection that waits for a job is given up as dead; RQ adds ten to the wait."""
        return int(self.dequeue_timeout) + ANSWER_SECONDS

    def _install_signal_handlers(self) -> None:
        """The process has its own."""

    def procline(self, message: str) -> None:
        """The process has one title."""

    def subscribe(self) -> None:
        """No remote commands: a connection and a greenlet less per worker."""

    def execute_job(self, job: Job, queue: Any) -> None:
        """Run the job under its id, leaving a mark that a stop must wait for it."""
        self.is_busy = True
        started = time.monotonic()
        try:
            with bind(job_id=job.id):
                super().execute_job(job, queue)
        finally:
            self.is_busy = False
            name = job.func_name if job.func_name in ALLOWED else "refused"
            TASK_SECONDS.labels(name.rpartition(".")[2]).observe(time.monotonic() - started)

    def stop(self) -> None:
        """End after the present job."""
        self._stop_requested = True


def bury(job: Job, _kind: type[BaseException], error: BaseException, _trace: Any) -> bool:
    """A failed job becomes a dead letter; when the database is away too, the log has to do.

    A job that failed because Redis or the database was away, or was left by a worker that died, is none: every job is a
    bell that the clock rings again.
    """
    if isinstance(error, RedisError | Unavailable | AbandonedJobError):
        logger.warning("job %s gave way: %s", job.func_name, type(error).__name__)
        return True
    try:
        with process.platform().database.transaction() as session:
            store_job(
                session,
                function=job.func_name or "",
                args=job.args or (),
                error=explain(error),
                where=f"{job.func_name}:{cause_of(error)}",
            )
    except Unavailable:
        logger.exception("job %s failed and could not be kept", job.id)
    return True
