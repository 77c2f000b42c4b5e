"""REST API of queues, for admins; the outboxes of one's own bots for everybody."""

from __future__ import annotations

from flask import Blueprint
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, Body, listing
from blueprints.api.operation import operation
from services.core.answer_types import Listing
from services.operations.queues import actions, monitor
from services.operations.queues.dropping import DropView, drop_outbox
from services.operations.queues.history import QueueHistory, Span
from services.operations.queues.outboxes import OutboxView
from services.operations.queues.rq_jobs import JobState, JobView
from services.platform.accounts.principal import Scope
from services.platform.redis.jobs import JobQueue
from web.access import api, caller, fresh
from web.platform import platform

blueprint = Blueprint("queues", __name__, url_prefix="/queues")


class HistoryQuery(BaseModel):
    """How far back."""

    span: Span = Field("3h", description="3h by the minute, 24h by ten")


class JobsQuery(BaseModel):
    """Which jobs."""

    queue: JobQueue = JobQueue.DEFAULT
    state: JobState = "failed"
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class OutboxesQuery(BaseModel):
    """How many."""

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class Wake(Body):
    """A lane of updates, or a shard of outboxes."""

    kind: str = Field("lane", max_length=10, description="lane or outbox")
    number: int = Field(ge=0, lt=2**31)


class CountView(TypedDict):
    """How many jobs it was done to."""

    jobs: int


class WokenView(TypedDict):
    """Whether a job was queued."""

    woken: bool


@blueprint.get("")
@api(Scope.READ)
@operation(errors=(403,))
def show() -> monitor.QueuesView:
    """What works and what waits, now. Only for admins."""
    return monitor.queue_monitor(platform(), caller())


@blueprint.get("/history")
@api(Scope.READ)
@operation(errors=(403,))
def history(query: HistoryQuery) -> QueueHistory:
    """How much waited in the last hours; null where no clock looked. Only for admins."""
    return monitor.queue_history(platform(), caller(), query.span)


@blueprint.get("/jobs")
@api(Scope.READ)
@operation(errors=(403,))
def jobs(query: JobsQuery) -> Listing[JobView]:
    """Jobs of a queue: waiting and running ones oldest first, failed ones newest first. Only for admins."""
    return listing(monitor.list_jobs(platform(), caller(), query.queue, query.state, query.limit))


@blueprint.post("/jobs/<job_id>/retry")
@api(Scope.WRITE)
@operation(errors=(403, 404, 409))
def retry(job_id: str) -> None:
    """Put a failed job back into its queue. Only for admins."""
    actions.retry_job(platform(), caller(), job_id)


@blueprint.post("/<queue>/retry")
@api(Scope.WRITE)
@operation(errors=(403, 404))
def retry_all(queue: str) -> CountView:
    """Put all failed jobs of a queue back. Only for admins."""
    return {"jobs": actions.retry_failed(platform(), caller(), actions.known_queue(queue))}


@blueprint.post("/<queue>/empty")
@api(Scope.WRITE)
@fresh()
@operation(errors=(403, 404))
def empty(queue: str) -> CountView:
    """Delete the jobs that wait in a queue. Only for admins."""
    return {"jobs": actions.empty_queue(platform(), caller(), actions.known_queue(queue))}


@blueprint.post("/wake")
@api(Scope.WRITE)
@operation(errors=(403, 404))
def wake(body: Wake) -> WokenView:
    """Ring for a lane of updates or a shard of outboxes at which nobody is. Only for admins."""
    return {"woken": actions.wake_lane(platform(), caller(), body.kind, body.number)}


@blueprint.get("/outboxes")
@api(Scope.READ)
@operation()
def outboxes(query: OutboxesQuery) -> Listing[OutboxView]:
    """Bots with messages that wait, the most first: all bots for an admin, the caller's own for an owner."""
    return listing(monitor.list_outboxes(platform(), caller(), query.limit))


@blueprint.post("/outboxes/<bot_id>/drop")
@api(Scope.WRITE)
@fresh()
@operation(errors=(404,))
def drop(bot_id: str) -> DropView:
    """Make dead letters of the newest two hundred messages that wait for a bot; ask again while some are `left`."""
    return drop_outbox(platform(), caller(), bot_id)
