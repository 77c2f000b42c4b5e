"""What the clock rings for reaches its function with the arguments it takes."""

from __future__ import annotations

import importlib
import inspect

import pytest
from redis import ConnectionError as RedisConnectionError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import select

from jobs import process
from jobs.rq_worker import bury
from jobs.schedule import ticks
from models import DeadLetter
from services.core.errors import Unavailable
from services.messaging.outbox.timings import OutboxTimings
from services.messaging.updates.reconcile import wake_waiting
from services.messaging.updates.timings import UpdateTimings
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue
from services.queueing.stay import TOO_LONG
from services.traffic.clicks.flush import wake_if_waiting


def test_every_rung_job_can_be_called_as_it_was_queued(platform: Platform) -> None:
    platform.redis.xadd(keys.intake_dead(), {"cause": "broken"})
    platform.redis.xadd(keys.update_lane(3), {"u": "{}"})
    platform.redis.zadd(keys.outbox_active(5), {"1": 0})
    platform.redis.xadd(keys.click_stream(), {"d": "{}"})
    wake_waiting(platform)
    wake_if_waiting(platform)

    queues = [Queue(name, connection=platform.job_redis, serializer=JSONSerializer) for name in JobQueue]
    jobs = [job for queue in queues for job in queue.jobs]

    assert {job.func_name for job in jobs} == {
        JobName.STORE_DEAD_LETTERS,
        JobName.DRAIN_LANE,
        JobName.DRAIN_OUTBOX,
        JobName.FLUSH_CLICKS,
    }
    for job in jobs:
        module, _, function = str(job.func_name).rpartition(".")
        inspect.signature(getattr(importlib.import_module(module), function)).bind(*job.args)


@pytest.mark.parametrize(
    ("name", "timings"),
    [(JobName.DRAIN_LANE, UpdateTimings()), (JobName.DRAIN_OUTBOX, OutboxTimings())],
)
def test_a_drain_under_constant_traffic_leaves_by_itself_long_before_rq_ends_it(
    platform: Platform, name: JobName, timings: UpdateTimings | OutboxTimings
) -> None:
    stay = TOO_LONG * timings.max_stay + timings.shutdown_timeout
    slowest_handler = 300 + sum(
        UpdateTimings().retry_delays
    )  # HANDLER_TIMEOUT_SECONDS at most, then its retries
    assert (enqueue(platform.job_redis, name, 3).timeout or 0) > stay + 4 * slowest_handler


def test_a_job_that_only_found_redis_away_leaves_no_dead_letter(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "platform", lambda: platform)
    job = enqueue(platform.job_redis, JobName.DRAIN_LANE, 3)
    for error in (RedisConnectionError("away"), Unavailable("away"), ValueError("a mistake")):
        bury(job, type(error), error, None)
    with platform.database.reading() as session:
        (letter,) = session.scalars(select(DeadLetter))
    assert "a mistake" in letter.error


def test_a_clock_that_no_worker_hears_leaves_one_job_of_each_kind(platform: Platform) -> None:
    for lane in range(platform.settings.update_lanes):
        platform.redis.xadd(keys.update_lane(lane), {"u": "{}"})
    platform.redis.xadd(keys.click_stream(), {"d": "{}"})
    for _ in range(5):
        for tick in ticks(platform):
            tick.ring(platform)
        for bell in platform.redis.scan_iter(keys.wakeup("*", 0).replace(":0", ":*")):
            platform.redis.delete(bell)  # as it is gone after two seconds

    rung = [(job.func_name, *job.args) for each in waiting(platform) for job in each]
    assert {JobName.SWEEP_HEALTH, JobName.FLUSH_CLICKS, JobName.RECONCILE_BOTS} < {name for name, *_ in rung}
    assert len([name for name, *_ in rung if name == JobName.DRAIN_LANE]) == platform.settings.update_lanes
    assert len(rung) == len(set(rung))


def waiting(platform: Platform) -> list[list[Job]]:
    """The jobs of each queue."""
    queues = [Queue(name, connection=platform.job_redis, serializer=JSONSerializer) for name in JobQueue]
    return [queue.jobs for queue in queues]


def test_a_job_that_was_taken_is_queued_anew(platform: Platform) -> None:
    first = enqueue(platform.job_redis, JobName.CHECK_BOT, 5)
    assert enqueue(platform.job_redis, JobName.CHECK_BOT, 5).id == first.id
    platform.job_redis.lpop("rq:queue:default")
    assert enqueue(platform.job_redis, JobName.CHECK_BOT, 5).id != first.id


def test_a_job_for_another_bot_is_another_one(platform: Platform) -> None:
    ids = {enqueue(platform.job_redis, JobName.CHECK_BOT, number).id for number in (5, 55, 5, 6)}
    assert len(ids) == 3
    assert platform.job_redis.llen("rq:queue:default") == 3


def test_a_waiting_id_without_its_job_holds_nobody_up(platform: Platform) -> None:
    lost = enqueue(platform.job_redis, JobName.CHECK_BOT, 5)
    platform.job_redis.delete(lost.key)
    found = enqueue(platform.job_redis, JobName.CHECK_BOT, 5)
    assert platform.job_redis.lrange("rq:queue:default", 0, -1) == [found.id.encode()]
