"""Jobs of another release: left to its workers, and no dead letter for each bell when they do not come."""

from __future__ import annotations

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select

from jobs import process, rq_worker
from jobs.rq_worker import AllowedJob, GreenletWorker, bury, is_of_another_release
from models import DeadLetter
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, JobQueue

LATER = "jobs.later.ring"


@pytest.fixture(autouse=True)
def _this_platform(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "platform", lambda: platform)
    monkeypatch.setattr(rq_worker, "_met", {})


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


def letters(platform: Platform) -> list[DeadLetter]:
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))


def test_a_job_of_another_release_is_left_without_a_trace_and_the_worker_goes_on(
    platform: Platform, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    later = [queue.enqueue(LATER, number, result_ttl=0) for number in range(3)]
    unreadable = queue.enqueue(LATER)
    platform.job_redis.hset(unreadable.key, "data", b"\x80\x05 of another serializer")
    work_off(platform)
    assert not platform.job_redis.exists(queue.key, queue.intermediate_queue_key, *(job.key for job in later))
    assert queue.failed_job_registry.get_job_ids() == [unreadable.id]
    assert [letter.payload["function"] for letter in letters(platform)] == ["unreadable"]
    assert f"job {LATER} is left to another release" in caplog.text


def test_when_nobody_comes_for_it_there_is_one_dead_letter_for_its_name(
    platform: Platform, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rq_worker, "DEPLOYMENT_SECONDS", -60.0)
    for number in range(3):
        queue.enqueue(LATER, number)
    work_off(platform)
    [letter] = letters(platform)
    assert letter.payload["function"] == LATER
    assert "not allowed" in letter.error
    assert queue.job_ids == []


def test_a_second_deployment_of_the_same_job_is_waited_for_as_long_as_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("jobs.rq_worker.time.monotonic", lambda: now[0])

    def meet(*moments: float) -> None:
        for now[0] in moments:
            rq_worker.leave_to_another_release(LATER, 7)

    meet(1000, 1060, 1120)
    with pytest.raises(PermissionError):
        meet(1121)
    meet(5000, 5119)
    with pytest.raises(PermissionError):
        meet(5121)


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
def test_only_names_of_our_form_may_be_another_release_s(name: str, foreign: bool) -> None:
    assert is_of_another_release(name) is foreign
