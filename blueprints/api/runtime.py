"""Runtime API: a bot's own program takes its updates and answers them, in any language that speaks HTTP (ADR 42)."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, after_this_request, request
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.body import Body
from blueprints.api.operation import operation
from services.core.answer_types import Moment
from services.core.times import from_epoch, iso, utc_now
from services.messaging.workers.answering import LONGEST_ERROR, WantedCall, WorkAnswers
from services.messaging.workers.giving import MOST_AT_ONCE, Given
from web.access import by_worker, worker
from web.departed import has_left
from web.platform import platform
from web.work_giver import work_giver

blueprint = Blueprint("runtime", __name__, url_prefix="/runtime")
LONGEST_WAIT = 25.0  # seconds; proxies give up on a silent request after 30
MOST_CALLS = 100
DEADLINE = "X-Deadline-Seconds"


class WorkQuery(Body):
    """GET /runtime/next: how many updates at once, and how many seconds to wait for the first."""

    limit: int = Field(1, ge=1, le=MOST_AT_ONCE)
    wait: float = Field(20.0, ge=0, le=LONGEST_WAIT)


class WorkView(TypedDict):
    """An update of the bot `bot_id`, as Telegram sent it. Answer by `lease` before `deadline`, else it comes again; `attempt` is
    1 the first time. `start` is what a /start was sent with, without the click that it came from.
    """

    lease: str
    bot_id: str
    update: dict[str, Any]
    attempt: int
    start: str
    deadline: Moment


class WorkList(TypedDict):
    """What there is to do, at most one update of each chat; empty when nothing came in time."""

    items: list[WorkView]


class WorkerCall(Body):
    """A call of the Bot API. A `bot_token` is ignored: a worker neither has nor needs it."""

    method: str = Field(max_length=64)
    params: dict[str, Any] = Field(default_factory=dict)
    bot_token: str | None = Field(None, repr=False)

    def call(self) -> WantedCall:
        """The same for the services."""
        return WantedCall(self.method, self.params)


class WorkAnswer(Body):
    """POST /runtime/leases/{lease}/response: the calls to be made, in this order; none is an answer too."""

    calls: list[WorkerCall] = Field(default_factory=list, max_length=MOST_CALLS)


class LeasedAnswer(WorkAnswer):
    """The answer to one of several updates."""

    lease: str = Field(max_length=64)


class WorkAnswerList(Body):
    """POST /runtime/responses: the answers to what was taken together."""

    answers: list[LeasedAnswer] = Field(max_length=MOST_AT_ONCE)


class WorkFailure(Body):
    """POST /runtime/leases/{lease}/error: why; without `retry` the update becomes a dead letter at once."""

    error: str = Field("", max_length=LONGEST_ERROR)
    retry: bool = True


class WorkerSend(WorkerCall):
    """POST /runtime/send: a call that answers no update; one that is `bulk` lets replies go first."""

    bulk: bool = True


class WorkAnswered(TypedDict):
    """The leases that nobody held any more: there is nothing to undo, and nothing of theirs was sent."""

    gone: list[str]


class WorkFailed(TypedDict):
    """Whether the update will come again; else it is a dead letter now."""

    retried: bool


class WorkExtended(TypedDict):
    """How many seconds the lease lasts from now on."""

    seconds: int


@blueprint.get("/next")
@by_worker
@operation()
def take(query: WorkQuery) -> WorkList:
    """Take the next updates of the bot, waiting for the first. `X-Deadline-Seconds` says how long they may take."""
    after_this_request(_tell_deadline)
    gone = partial(has_left, request.environ)
    given = work_giver().take(worker(), most=query.limit, wait_seconds=query.wait, has_left=gone)
    return {"items": [_view(each) for each in given]}


@blueprint.post("/leases/<lease>/response")
@by_worker
@operation(errors=(409,))
def respond(lease: str, body: WorkAnswer) -> None:
    """Be done with an update and have the calls sent, in one step; a repetition is refused with `lease_gone`."""
    _answers().respond(worker(), lease, [each.call() for each in body.calls])


@blueprint.post("/responses")
@by_worker
@operation()
def respond_to_all(body: WorkAnswerList) -> WorkAnswered:
    """Be done with several updates in one request, each with its calls in a step of its own."""
    answers = [(each.lease, [call.call() for call in each.calls]) for each in body.answers]
    return {"gone": _answers().respond_to_all(worker(), answers)}


@blueprint.post("/leases/<lease>/error")
@by_worker
@operation(errors=(409,))
def fail(lease: str, body: WorkFailure) -> WorkFailed:
    """Give an update back that could not be handled; it comes again after a while, and becomes a dead letter at the fifth time."""
    return {"retried": _answers().fail(worker(), lease, body.error, again=body.retry)}


@blueprint.post("/leases/<lease>/extend")
@by_worker
@operation(errors=(409,))
def extend(lease: str) -> WorkExtended:
    """Ask for more time: the lease begins anew."""
    return {"seconds": _answers().extend(worker(), lease)}


@blueprint.post("/send")
@by_worker
@operation()
def send(body: WorkerSend) -> None:
    """Have a call sent that answers no update, in order with the others of its chat and no faster than Telegram allows."""
    _answers().send(worker(), body.call(), bulk=body.bulk)


def _view(given: Given) -> WorkView:
    known = worker()
    return {
        "lease": given.work.lease,
        "bot_id": known.public_id,
        "update": given.update,
        "attempt": given.work.attempt + 1,
        "start": given.work.start,
        "deadline": iso(from_epoch(utc_now().timestamp() + known.lease_seconds)),
    }


def _tell_deadline(response: Response) -> Response:
    """In seconds, so that a worker's clock need not be ours."""
    response.headers[DEADLINE] = str(worker().lease_seconds)
    return response


def _answers() -> WorkAnswers:
    return WorkAnswers(platform(), work_giver())
