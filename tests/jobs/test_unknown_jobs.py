"""Jobs of another release: put back for its workers, and no dead letter for each bell when they do not come."""

from __future__ import annotations

from datetime import timedelta

import gevent
import pytest
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import select

from jobs import process, unknown_jobs
from jobs.rq_worker import AllowedJob, GreenletWorker, bury
from jobs.unknown_jobs import Strangers, is_of_another_release
from models import DeadLetter
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, JobQueue

LATER = "jobs.later.ring"


@pytest.fixture(autouse=True)
def _this_platform(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "platform", lambda: platform)
    monkeypatch.setattr(unknown_jobs, "RETURN_SECONDS", 0.05)


@pytest.fixture
def queue(platform: Platform) -> Queue:
    return Queue(
        JobQueue.DEFAULT, connection=platform.job_redis, serializer=JSONSerializer, job_class=AllowedJob
    )


def work_off(platform: Platform) -> None:
    """One worker of this release, until the queue is empty."""
    worker = GreenletWorker(
        [str(JobQueue.DEFAULT)],
        connection=platform.job_redis,
        serializer=JSONSerializer,
        exception_handlers=[bury],
    )
    worker.work(burst=True, logging_level=None)


def back_in(queue: Queue, job_id: str) -> None:
    """Wait, letting other greenlets run, until this job alone is queued."""
    with gevent.Timeout(60):
        while queue.job_ids != [job_id]:
            gevent.sleep(0.02)


def letters(platform: Platform) -> list[DeadLetter]:
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))


def test_a_job_of_another_release_is_put_back_whole(platform: Platform, queue: Queue) -> None:
    job = queue.enqueue(LATER, 7)
    work_off(platform)
    assert queue.job_ids == []
    back_in(queue, job.id)
    assert platform.job_redis.llen(queue.intermediate_queue_key) == 0
    found = AllowedJob.fetch(job.id, connection=platform.job_redis, serializer=JSONSerializer)
    assert (found.func_name, list(found.args), found.is_queued) == (LATER, [7], True)
    assert letters(platform) == []


def test_a_process_that_ends_puts_everything_back_first(queue: Queue) -> None:
    held = Strangers()
    job = queue.enqueue(LATER)
    taken = Queue.dequeue_any(
        [queue], None, connection=queue.connection, job_class=AllowedJob, serializer=JSONSerializer
    )
    assert taken is not None
    assert held.hold(taken[0], queue)
    held.put_back_all()
    held.put_back_all()
    assert queue.job_ids == [job.id]


def test_when_nobody_comes_for_it_there_is_one_dead_letter_for_its_name(
    platform: Platform, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_jobs, "PATIENCE_SECONDS", -timedelta(minutes=1).total_seconds())
    for number in range(3):
        queue.enqueue(LATER, number)
    work_off(platform)
    [letter] = letters(platform)
    assert letter.payload["function"] == LATER
    assert "not allowed" in letter.error
    assert queue.job_ids == []


def test_a_job_that_cannot_be_read_is_refused_and_the_worker_goes_on(
    platform: Platform, queue: Queue
) -> None:
    unreadable, later = queue.enqueue(LATER), queue.enqueue(LATER)
    platform.job_redis.hset(unreadable.key, "data", b"\x80\x05 of another serializer")
    work_off(platform)
    [letter] = letters(platform)
    assert letter.payload["function"] == "unreadable"
    back_in(queue, later.id)


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        (LATER, True),
        ("os.system", False),
        ("jobs.a.b.c", False),
        ("services.x.y", False),
        (str(JobName.DRAIN_LANE), False),
    ],
)
def test_only_names_of_our_form_may_be_another_release_s(
    platform: Platform, name: str, foreign: bool
) -> None:
    job = Job.create(name, connection=platform.job_redis, serializer=JSONSerializer)
    assert is_of_another_release(job) is foreign
