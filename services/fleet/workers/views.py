"""A bot with an external worker as programs see it: the fields of the interface that such programs were written for (W1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from typing_extensions import TypedDict

from models import Bot, BotStatus, BotWorker
from services.core.answer_types import Moment, Sentence, one_of
from services.core.i18n import NO_TEXT, Text
from services.core.times import from_epoch, iso
from services.core.worker_settings import WorkerDriver
from services.fleet.bots.webhooks import wanted_for
from services.fleet.workers.copies import Copies, CopiesState, Exit, copies_of, driver_lives, exits_of
from services.fleet.workers.environment import names_in
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import WorkQueue


class WorkerStatus(StrEnum):
    """What is known of a bot with a worker. RUNNING and SCALED_TO_ZERO are said of programs that are started here, EXTERNAL of
    those that run elsewhere.
    """

    CREATED = "created"
    EXTERNAL = "external"
    RUNNING = "running"
    SCALED_TO_ZERO = "scaled_to_zero"
    STOPPED = "stopped"
    FAILED = "failed"
    DELETING = "deleting"


OF_COPIES: Final = {
    CopiesState.RUNNING: WorkerStatus.RUNNING,
    CopiesState.ASLEEP: WorkerStatus.SCALED_TO_ZERO,
    CopiesState.FAILED: WorkerStatus.FAILED,
}


class Replicas(TypedDict):
    """How many copies of the program were started here, and how many there may be."""

    current: int
    min: int
    max: int


class Topics(TypedDict):
    """The names of the two streams of a worker."""

    incoming: str
    outgoing: str


class ExitView(TypedDict):
    """How a copy ended that nobody asked to: after how many seconds, with which code or by which signal, and its last lines."""

    at: Moment
    seconds: float
    code: int | None
    signal: int | None
    reason: Sentence
    output: list[str]


class WorkerBotView(TypedDict):
    """A bot with a worker. `lag` (alias `kafka_lag`) counts the updates that are not answered, those held behind others of
    their chat included; `env_vars` are names alone.
    """

    bot_id: str
    bot_name: str
    status: Annotated[str, one_of(WorkerStatus)]
    status_reason: Sentence
    replicas: Replicas
    lag: int
    kafka_lag: int
    last_seen_at: Moment | None
    worker_command: str
    worker_image: str
    env_vars: list[str]
    ordered: bool
    lease_seconds: int
    token_made_at: Moment | None
    exits: list[ExitView]
    created_at: Moment


class WorkerBotMade(TypedDict):
    """A bot that just got a worker. `worker_token` is shown this once; `webhook_url` is null for a polling bot."""

    bot_id: str
    status: Annotated[str, one_of(WorkerStatus)]
    topics: Topics
    kafka_topics: Topics
    webhook_url: str | None
    worker_token: str


def describe_worker(platform: Platform, bot: Bot, worker: BotWorker) -> WorkerBotView:
    """The JSON of a bot and its worker. Raises RedisError."""
    queue = WorkQueue(platform.redis, bot.id, bot.public_id)
    lag, seen = queue.lag(), queue.last_seen()
    copies = _copies(platform, bot, worker)
    status = status_of(bot, worker, copies)
    exits = [] if copies is None else exits_of(platform.redis, bot.id)
    return {
        "bot_id": bot.public_id,
        "bot_name": bot.name,
        "status": status,
        "status_reason": _reason(bot, status, copies, seen),
        "replicas": {
            "current": 0 if copies is None else copies.current,
            "min": worker.min_replicas,
            "max": worker.max_replicas,
        },
        "lag": lag,
        "kafka_lag": lag,
        "last_seen_at": None if seen is None else iso(from_epoch(seen)),
        "worker_command": worker.command,
        "worker_image": worker.image,
        "env_vars": names_in(platform.vault, bot.id, worker.sealed_environment),
        "ordered": worker.ordered,
        "lease_seconds": worker.lease_seconds,
        "token_made_at": iso(worker.token_made_at),
        "exits": [_exit(each) for each in exits],
        "created_at": iso(worker.created_at),
    }


def describe_made(platform: Platform, bot: Bot, token: str) -> WorkerBotMade:
    """The JSON that answers the making of a worker; `token` is the worker's, not the bot's."""
    topics: Topics = {
        "incoming": work_keys.incoming(bot.public_id),
        "outgoing": work_keys.outgoing(bot.public_id),
    }
    wanted = wanted_for(bot, platform.settings.webhook_base_url, platform.vault)
    return {
        "bot_id": bot.public_id,
        "status": WorkerStatus.CREATED,
        "topics": topics,
        "kafka_topics": topics,
        "webhook_url": wanted.url or None,
        "worker_token": token,
    }


def status_of(bot: Bot, worker: BotWorker, copies: Copies | None) -> WorkerStatus:
    """What is known of a worker, `copies` being what is said of those started here; None when its program runs elsewhere."""
    if worker.ending_since is not None:
        return WorkerStatus.DELETING
    if not bot.desired_running:
        return WorkerStatus.STOPPED
    if bot.status == BotStatus.FAILED:
        return WorkerStatus.FAILED
    if bot.status == BotStatus.CREATED:
        return WorkerStatus.CREATED
    return WorkerStatus.EXTERNAL if copies is None else OF_COPIES[copies.state]


def _copies(platform: Platform, bot: Bot, worker: BotWorker) -> Copies | None:
    """What there is to say of copies that are started here; None for a program that runs elsewhere."""
    if not (worker.command or worker.image):
        return None
    if platform.settings.worker_driver is WorkerDriver.NONE:
        reason = Text("This installation starts no programs: run it elsewhere, with its worker token")
        return Copies(0, CopiesState.FAILED, reason)
    if not driver_lives(platform):
        return Copies(0, CopiesState.FAILED, Text("The programs process is not running: nothing starts it"))
    if worker.token_hash is None and worker.ending_since is None:
        return Copies(
            0, CopiesState.FAILED, Text("It has no token in force: make a new one and it is started")
        )
    return copies_of(platform.redis, bot.id) or Copies()


def _reason(bot: Bot, status: WorkerStatus, copies: Copies | None, seen: float | None) -> Text:
    if bot.status == BotStatus.FAILED and status is WorkerStatus.FAILED:
        return bot.status_reason
    if status in OF_COPIES.values():
        return NO_TEXT if copies is None else copies.reason
    if status is not WorkerStatus.EXTERNAL:
        return NO_TEXT
    if seen is None:
        return Text("No program has asked for its updates yet: run one with its worker token")
    return Text("Its program runs elsewhere")


def _exit(ended: Exit) -> ExitView:
    return {
        "at": iso(from_epoch(ended.at)),
        "seconds": ended.seconds,
        "code": ended.code,
        "signal": ended.signal,
        "reason": Text.stored(ended.reason),
        "output": ended.output,
    }
