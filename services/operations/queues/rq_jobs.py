"""RQ's side: its queues, the workers on them, and jobs with their times and errors.

Read by pipelines of our own where RQ would ask once per worker and per result; nothing here cleans registries up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from rq.exceptions import DeserializationError
from rq.job import Job
from rq.queue import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.worker_registration import REDIS_WORKER_KEYS
from typing_extensions import TypedDict

from services.alerts.dead_letters.store import LONGEST_ERROR, summary
from services.core.answer_types import Moment
from services.core.redaction import redact_text
from services.core.times import iso
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, JobQueue

JobState = Literal["queued", "started", "failed"]
UNREADABLE = "unreadable"
RESULTS = "rq:results:{}"  # `Result.get_key`, which has no types
WORKER_FIELDS = ("queues", "state", "current_job", "birth", "last_heartbeat")


class RqQueueView(TypedDict):
    """One of RQ's queues and how many jobs are in which state. A failed one is kept for a day."""

    name: str
    queued: int
    started: int
    failed: int


class RqWorkerView(TypedDict):
    """A worker: its queue, whether it is `busy` or `idle`, and the job it runs. `job` is empty for none."""

    name: str
    queue: str
    state: str
    job: str
    started_at: Moment | None
    seen_at: Moment | None


class JobView(TypedDict):
    """A job with its ids and times; `error` is redacted and empty for one that did not fail, `error_line` says most of it."""

    id: str
    function: str
    ids: list[int]
    queue: str
    state: JobState
    enqueued_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    error: str
    error_line: str


def read_queues(platform: Platform) -> list[RqQueueView]:
    """All queues, in one round trip. Raises RedisError."""
    with platform.redis.pipeline(transaction=False) as pipe:
        for name in JobQueue:
            pipe.llen(queue_of(platform, name).key)
            pipe.zcard(StartedJobRegistry.key_template.format(name))
            pipe.zcard(FailedJobRegistry.key_template.format(name))
        sizes = pipe.execute()
    return [
        {"name": str(name), "queued": sizes[at], "started": sizes[at + 1], "failed": sizes[at + 2]}
        for name, at in zip(JobQueue, range(0, len(sizes), 3), strict=True)
    ]


def read_workers(platform: Platform) -> list[RqWorkerView]:
    """All workers that RQ knows, by name, in two round trips. Raises RedisError."""
    found: Any = platform.redis.smembers(REDIS_WORKER_KEYS)
    names = sorted(str(key) for key in found)
    with platform.redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hmget(name, WORKER_FIELDS)
        rows = pipe.execute() if names else []
    return [
        {
            "name": name.rpartition(":")[2],
            "queue": row[0],
            "state": row[1] or "",
            "job": row[2] or "",
            "started_at": _moment(row[3]),
            "seen_at": _moment(row[4]),
        }
        for name, row in zip(names, rows, strict=True)
        if row[0]  # its key has expired: RQ strikes it off the list by itself
    ]


def read_jobs(platform: Platform, queue: JobQueue, state: JobState, limit: int) -> list[JobView]:
    """Jobs of a queue: waiting and running ones with the oldest first, failed ones with the newest. Raises RedisError."""
    ids = _ids(platform, queue, state, limit)
    jobs = [job for job in _fetched(platform, ids) if job is not None]
    errors = _errors(platform, jobs) if state == "failed" else {}
    return [_view(job, state, errors.get(job.id, "")) for job in jobs]


def queue_of(platform: Platform, name: JobQueue) -> Queue:
    """RQ's own object for a queue."""
    return Queue(name, connection=platform.job_redis, serializer=JSONSerializer)


def failed_jobs(platform: Platform, name: JobQueue) -> FailedJobRegistry:
    """RQ's own object for a queue's failed jobs."""
    return FailedJobRegistry(name, connection=platform.job_redis, serializer=JSONSerializer)


def function_of(job: Job) -> str:
    """The name of what a job calls; `unreadable` where another serializer wrote it."""
    try:
        return str(job.func_name)
    except DeserializationError:
        return UNREADABLE


def _ids(platform: Platform, queue: JobQueue, state: JobState, limit: int) -> list[str]:
    if state == "queued":
        return queue_of(platform, queue).get_job_ids(0, limit)
    if state == "failed":
        return failed_jobs(platform, queue).get_job_ids(0, limit - 1, desc=True, cleanup=False)
    started = StartedJobRegistry(queue, connection=platform.job_redis, serializer=JSONSerializer)
    return started.get_job_ids(0, limit - 1, cleanup=False)


def _fetched(platform: Platform, ids: Sequence[str]) -> Iterable[Job | None]:
    if not ids:
        return ()
    return Job.fetch_many(ids, connection=platform.job_redis, serializer=JSONSerializer)


def _errors(platform: Platform, jobs: Sequence[Job]) -> dict[str, str]:
    with platform.job_redis.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.xrevrange(RESULTS.format(job.id), count=1)
        answers = pipe.execute() if jobs else []
    found = {}
    for job, entries in zip(jobs, answers, strict=True):
        for entry_id, fields in entries:
            result = Result.restore(
                job.id, entry_id.decode(), fields, connection=platform.job_redis, serializer=JSONSerializer
            )
            found[job.id] = result.exc_string or ""
    return found


def _view(job: Job, state: JobState, error: str) -> JobView:
    name = function_of(job)
    known = name in set(JobName)
    shown = redact_text(error)[-LONGEST_ERROR:]
    return {
        "id": job.id,
        "function": name.removeprefix("jobs.") if known else redact_text(name)[:100],
        "ids": [each for each in job.args if isinstance(each, int)] if known else [],
        "queue": str(job.origin),
        "state": state,
        "enqueued_at": iso(job.enqueued_at),
        "started_at": iso(job.started_at),
        "ended_at": iso(job.ended_at),
        "error": shown,
        "error_line": summary(shown),
    }


def _moment(written: str | None) -> str | None:
    """RQ writes UTC with a trailing Z."""
    return iso(datetime.fromisoformat(written)) if written else None
