"""Bots with external workers, by the interface that such programs were written for: `/bots` (W1).

The same bots are found under `/api/v1/bots`, which knows these names too; there a worker alone is `/api/v1/bots/{bot_id}/worker`.
"""

from __future__ import annotations

from flask import Blueprint, url_for
from pydantic import Field
from typing_extensions import TypedDict

from blueprints.api.body import Body, Page, page_of
from blueprints.api.operation import Created, operation
from models import Bot, BotWorker
from services.core.answer_types import Listing
from services.core.kafka_settings import Transport
from services.fleet.workers import registry
from services.fleet.workers.changing import WorkerChange, change_worker, restart_worker
from services.fleet.workers.redis_access import own_address
from services.fleet.workers.registry import NewWorker
from services.fleet.workers.views import WorkerBotMade, WorkerBotView, describe_made, describe_worker
from services.platform.accounts.principal import Scope
from web.access import api, caller, fresh
from web.platform import platform

blueprint = Blueprint("worker_bots", __name__, url_prefix="/bots")
bot_worker = Blueprint("bot_worker", __name__, url_prefix="/bots/<bot_id>")  # under /api/v1


class WorkerBody(Body):
    """What is said of a worker. `worker_command` and `worker_image` are for admins; without them the program runs elsewhere."""

    worker_image: str = Field("", max_length=255)
    worker_command: str = Field("", max_length=1000)
    min_replicas: int = 0
    max_replicas: int = 1
    env_vars: dict[str, str] = Field(default_factory=dict, repr=False)
    ordered: bool = Field(True, description="one update of a chat at a time, in order")
    lease_seconds: int = Field(60, description="how long a program may take for an update")
    allowed_updates: list[str] = Field(
        default_factory=list, max_length=40, description="kinds of update beside those that every bot gets"
    )
    pass_bot_token: bool = Field(
        False, description="a program that is started here gets the bot's token as BOT_TOKEN"
    )

    transport: Transport | None = Field(
        None,
        description="`redis` (streams, HTTP and the Bot API facade) or `kafka`; left out, as WORKER_TRANSPORT says. It stays: to "
        "change it, end the worker and give the bot another",
    )

    def new(self) -> NewWorker:
        """The same for the services."""
        return NewWorker(
            self.worker_command,
            self.worker_image,
            self.min_replicas,
            self.max_replicas,
            self.env_vars,
            self.ordered,
            self.lease_seconds,
            self.allowed_updates,
            self.pass_bot_token,
            self.transport,
        )


class NewWorkerBot(WorkerBody):
    """POST /bots."""

    bot_token: str = Field(max_length=300, repr=False)
    bot_name: str = Field("", max_length=64)


class ReplicasBody(Body):
    """PATCH /bots/{bot_id}/replicas: what is left out stays."""

    min_replicas: int | None = None
    max_replicas: int | None = None


class WorkerChangeBody(ReplicasBody):
    """PATCH /bots/{bot_id}/worker: what is left out stays. `worker_command` and `worker_image` are for admins, and each takes
    the other's place; `env_vars` are replaced as a whole.
    """

    worker_image: str | None = Field(None, max_length=255)
    worker_command: str | None = Field(None, max_length=1000)
    env_vars: dict[str, str] | None = Field(None, repr=False)

    def wanted(self) -> WorkerChange:
        """The same for the services."""
        return WorkerChange(
            self.worker_command, self.worker_image, self.min_replicas, self.max_replicas, self.env_vars
        )


class WorkerToken(TypedDict):
    """A worker's token, shown this once; `redis_url` holds it too, null where programs are not let into Redis."""

    worker_token: str
    redis_url: str | None


@blueprint.post("")
@api(Scope.WORKER)
@operation(errors=(409, 502))
def create(body: NewWorkerBot) -> Created[WorkerBotMade]:
    """Register the bot of a token with a worker of its owner's."""
    bot, worker, token = registry.register_worker_bot(
        platform(), caller(), body.bot_token, body.bot_name, body.new()
    )
    return Created(describe_made(platform(), bot, worker, token), url_for(".show", bot_id=bot.public_id))


@blueprint.get("")
@api(Scope.WORKER)
@operation()
def index(query: Page) -> Listing[WorkerBotView]:
    """The caller's bots that have a worker, oldest first."""
    rows = registry.list_workers(platform(), caller(), after=query.after, limit=query.limit + 1)
    return page_of(rows, query, _view, lambda row: row[0].id)


@blueprint.get("/<bot_id>")
@bot_worker.get("/worker")
@api(Scope.WORKER)
@operation()
def show(bot_id: str) -> WorkerBotView:
    """One bot and its worker: status, copies, and what waits for it."""
    return _view(registry.worker_of(platform(), caller(), bot_id))


@bot_worker.post("/worker")
@api(Scope.WORKER)
@fresh()
@operation(errors=(409,))
def give(bot_id: str, body: WorkerBody) -> Created[WorkerBotMade]:
    """Hand the updates of a bot that is here already to a program of its owner's, instead of to its plugins."""
    bot, worker, token = registry.give_worker(platform(), caller(), bot_id, body.new())
    return Created(describe_made(platform(), bot, worker, token), url_for(".show", bot_id=bot.id))


@blueprint.patch("/<bot_id>/replicas")
@bot_worker.patch("/replicas")
@api(Scope.WORKER)
@operation(errors=(409,))
def scale(bot_id: str, body: ReplicasBody) -> WorkerBotView:
    """Set how few and how many copies of the program there may be."""
    wanted = WorkerChange(min_replicas=body.min_replicas, max_replicas=body.max_replicas)
    return _view(change_worker(platform(), caller(), bot_id, wanted))


@bot_worker.patch("/worker")
@api(Scope.WORKER)
@fresh()
@operation(errors=(409,))
def change(bot_id: str, body: WorkerChangeBody) -> WorkerBotView:
    """Change a worker; copies of its program that were told something else are replaced."""
    return _view(change_worker(platform(), caller(), bot_id, body.wanted()))


@bot_worker.post("/worker/restart")
@api(Scope.WORKER)
@operation(errors=(409,))
def restart(bot_id: str) -> WorkerBotView:
    """Replace every copy of a program that is started here."""
    return _view(restart_worker(platform(), caller(), bot_id))


@blueprint.delete("/<bot_id>")
@bot_worker.delete("/worker")
@api(Scope.WORKER)
@fresh()
@operation(errors=(409,))
def end(bot_id: str) -> None:
    """Stop the bot and end its worker, webhook, queue, token and variables; its leads stay. Repeat it after an error."""
    registry.end_worker(platform(), caller(), bot_id)


@bot_worker.post("/worker/token")
@api(Scope.WORKER)
@fresh()
@operation(errors=(409,))
def renew(bot_id: str) -> Created[WorkerToken]:
    """A new token for the worker; the former one is of no use from now on."""
    bot, worker, token = registry.renew_token(platform(), caller(), bot_id)
    redis_url = own_address(platform().settings, bot, worker, token)
    return Created({"worker_token": token, "redis_url": redis_url})


@bot_worker.delete("/worker/token")
@api(Scope.WORKER)
@operation(errors=(409,))
def revoke(bot_id: str) -> None:
    """Revoke the worker's token; its updates wait until it gets another."""
    registry.revoke_token(platform(), caller(), bot_id)


def _view(row: tuple[Bot, BotWorker]) -> WorkerBotView:
    return describe_worker(platform(), *row)
