"""What an admin does about jobs and lanes. Each is written into the audit trail first, then done: the trail tells what was asked."""

from __future__ import annotations

import logging
from contextlib import suppress

from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.operations.queues.rq_jobs import failed_jobs, function_of, queue_of
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue, wake

logger = logging.getLogger(__name__)
WAKES = {"lane": JobName.DRAIN_LANE, "outbox": JobName.DRAIN_OUTBOX}


def known_queue(name: str) -> JobQueue:
    """The queue of that name; NotFound for another."""
    if name not in set(JobQueue):
        raise NotFound("There is no such queue", code="queue_not_found")
    return JobQueue(name)


def retry_job(platform: Platform, caller: Principal, job_id: str) -> None:
    """Put a failed job back into its queue. NotFound when it is gone, Conflict when it did not fail, or is of no known kind."""
    caller.require_admin()
    try:
        job = Job.fetch(job_id, connection=platform.job_redis, serializer=JSONSerializer)
    except NoSuchJobError:
        raise _gone() from None
    function = function_of(job)
    if function not in set(JobName):
        raise Conflict("No worker knows this kind of job; it can't be tried again", code="job_unknown")
    with platform.database.transaction() as session:
        audit(session, caller, "job_retried", function=function, job=job_id)
    try:
        failed_jobs(platform, JobQueue(job.origin)).requeue(job)
    except InvalidJobOperation:
        raise Conflict("This job is not among the failed ones any more", code="job_not_failed") from None


def retry_failed(platform: Platform, caller: Principal, queue: JobQueue) -> int:
    """Put all failed jobs of a queue back; how many. Those of no known kind stay where they are."""
    caller.require_admin()
    registry = failed_jobs(platform, queue)
    ids = registry.get_job_ids(cleanup=False)
    with platform.database.transaction() as session:
        audit(session, caller, "failed_jobs_retried", queue=str(queue), jobs=len(ids))
    found = Job.fetch_many(ids, connection=platform.job_redis, serializer=JSONSerializer) if ids else []
    retried = 0
    for job in found:
        if job is not None and function_of(job) in set(JobName):
            with suppress(InvalidJobOperation):  # somebody else was faster
                registry.requeue(job)
                retried += 1
    return retried


def empty_queue(platform: Platform, caller: Principal, queue: JobQueue) -> int:
    """Delete the jobs that wait in a queue; how many. What they were to do is rung for again by the clock, or daily."""
    caller.require_admin()
    waiting = queue_of(platform, queue)
    with platform.database.transaction() as session:
        audit(session, caller, "queue_emptied", queue=str(queue), number=waiting.count)
    emptied: int = waiting.empty()  # type: ignore[no-untyped-call]
    logger.warning("queue %s was emptied", queue, extra={"jobs": emptied})
    return emptied


def wake_lane(platform: Platform, caller: Principal, kind: str, number: int) -> bool:
    """Ring for a lane or a shard of outboxes, whoever was rung for last; whether a job was queued.

    A job too many finds the lease taken and ends. NotFound for a number that there is not.
    """
    caller.require_admin()
    if kind not in WAKES:
        raise InvalidInput(Text("Choose one of: {choices}", choices=", ".join(WAKES)), field="kind")
    if number >= platform.settings.update_lanes:
        raise NotFound("There is no such lane", code="lane_not_found")
    with platform.database.transaction() as session:
        audit(session, caller, "lane_woken", lane=f"{kind}:{number}")
    platform.redis.delete(keys.wakeup(kind, number))
    return wake(platform.redis, platform.job_redis, WAKES[kind], kind, number)


def _gone() -> NotFound:
    return NotFound("There is no such job any more", code="job_not_found")
