"""The whole queue monitor: what an admin sees of the installation, and an owner of the own outboxes."""

from __future__ import annotations

import time

from typing_extensions import TypedDict

from services.operations.queues.history import QueueHistory, Span, read_history
from services.operations.queues.lanes import LaneView, read_lanes
from services.operations.queues.outboxes import OutboxView, read_outboxes
from services.operations.queues.rq_jobs import (
    JobState,
    JobView,
    RqQueueView,
    RqWorkerView,
    read_jobs,
    read_queues,
    read_workers,
)
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.jobs import JobQueue
from services.queueing.heartbeats import Process, processes

MOST_JOBS = 50
MOST_OUTBOXES = 100


class ProcessView(TypedDict):
    """A process, how long ago it last beat and how long it has run. A worker says how many RQ workers it is and how many of
    them are `busy`, a clock whether it `leads`; null for others.
    """

    name: str
    service: str
    is_alive: bool
    age_seconds: float
    uptime_seconds: int
    workers: int | None
    busy: int | None
    leads: bool | None


class QueuesView(TypedDict):
    """What works and what waits, now."""

    queues: list[RqQueueView]
    workers: list[RqWorkerView]
    processes: list[ProcessView]
    lanes: list[LaneView]


def queue_monitor(platform: Platform, caller: Principal) -> QueuesView:
    """Queues, workers, processes and lanes; nine round trips. Forbidden `admin_only`; raises RedisError."""
    caller.require_admin()
    return {
        "queues": read_queues(platform),
        "workers": read_workers(platform),
        "processes": [_process(each) for each in processes(platform)],
        "lanes": read_lanes(platform, time.time()),
    }


def queue_history(platform: Platform, caller: Principal, span: Span) -> QueueHistory:
    """How much waited lately. Forbidden `admin_only`; raises RedisError."""
    caller.require_admin()
    return read_history(platform, span)


def list_jobs(
    platform: Platform, caller: Principal, queue: JobQueue, state: JobState, limit: int = MOST_JOBS
) -> list[JobView]:
    """Jobs of a queue in one state. Forbidden `admin_only`; raises RedisError."""
    caller.require_admin()
    return read_jobs(platform, queue, state, limit)


def list_outboxes(platform: Platform, caller: Principal, limit: int = MOST_OUTBOXES) -> list[OutboxView]:
    """Outboxes in which something waits: an admin's view of all, anybody's of the own. Raises RedisError, Unavailable."""
    return read_outboxes(platform, caller, limit)


def _process(process: Process) -> ProcessView:
    return {
        "name": process.name,
        "service": process.service,
        "is_alive": process.is_alive,
        "age_seconds": round(process.age_seconds, 1),
        "uptime_seconds": round(process.at - process.started_at),
        "workers": process.figures.get("workers"),
        "busy": process.figures.get("busy"),
        "leads": process.figures.get("leads"),
    }
