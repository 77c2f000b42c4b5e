"""A bot with an external worker as programs see it: the fields of the interface that such programs were written for (W1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from typing_extensions import TypedDict

from models import Bot, BotStatus, BotWorker
from services.core.answer_types import Moment, Sentence, one_of
from services.core.i18n import NO_TEXT, Text
from services.core.times import from_epoch, iso
from services.core.worker_settings import Transport
from services.fleet.bots.webhooks import wanted_for
from services.fleet.workers.environment import names_in
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import WorkQueue

TROUBLES: Final = {
    "unreachable": Text("Kafka does not answer: updates wait here and nothing is lost"),
    "refused": Text("Kafka refuses what is needed for this bot; the log of the programs process says what"),
    "stuck": Text(
        "Records of its topic stand still: its program has not got past one five times. Stop its copies for a moment, then it becomes a dead letter"
    ),
}


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


class Replicas(TypedDict):
    """How many copies of the program were started here, and how many there may be."""

    current: int
    min: int
    max: int


class Topics(TypedDict):
    """The names of the two streams of a worker."""

    incoming: str
    outgoing: str


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
    transport: Annotated[str, one_of(Transport)]
    lease_seconds: int
    token_made_at: Moment | None
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
    status = status_of(bot, worker)
    return {
        "bot_id": bot.public_id,
        "bot_name": bot.name,
        "status": status,
        "status_reason": _reason(bot, worker, status, seen, _kafka_trouble(platform, worker)),
        "replicas": {"current": 0, "min": worker.min_replicas, "max": worker.max_replicas},
        "lag": lag,
        "kafka_lag": lag,
        "last_seen_at": None if seen is None else iso(from_epoch(seen)),
        "worker_command": worker.command,
        "worker_image": worker.image,
        "env_vars": names_in(platform.vault, bot.id, worker.sealed_environment),
        "ordered": worker.ordered,
        "transport": worker.transport,
        "lease_seconds": worker.lease_seconds,
        "token_made_at": iso(worker.token_made_at),
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


def status_of(bot: Bot, worker: BotWorker) -> WorkerStatus:
    """What can be said without having started anything: whatever program there is runs elsewhere."""
    if worker.ending_since is not None:
        return WorkerStatus.DELETING
    if not bot.desired_running:
        return WorkerStatus.STOPPED
    if bot.status == BotStatus.FAILED:
        return WorkerStatus.FAILED
    return WorkerStatus.CREATED if bot.status == BotStatus.CREATED else WorkerStatus.EXTERNAL


def _kafka_trouble(platform: Platform, worker: BotWorker) -> Text | None:
    """What keeps the bot's updates from its topic; None without Kafka, or when all is well."""
    if worker.transport != Transport.KAFKA:
        return None
    return TROUBLES.get(str(platform.redis.get(work_keys.kafka_trouble(worker.bot_id))))


def _reason(
    bot: Bot, worker: BotWorker, status: WorkerStatus, seen: float | None, trouble: Text | None
) -> Text:
    if status is WorkerStatus.FAILED:
        return bot.status_reason
    if trouble is not None and status not in (WorkerStatus.STOPPED, WorkerStatus.DELETING):
        return trouble
    if status is not WorkerStatus.EXTERNAL:
        return NO_TEXT
    if worker.command or worker.image:
        return Text("This installation starts no programs yet: run it elsewhere, with its worker token")
    if seen is None and worker.transport == Transport.KAFKA:
        return Text("No program has read its topic yet")
    if seen is None:
        return Text("No program has asked for its updates yet: run one with its worker token")
    return Text("Its program runs elsewhere")
