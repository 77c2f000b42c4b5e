"""A bot with an external worker as programs see it: the fields of the interface that such programs were written for (W1)."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from models import Bot, BotWorker
from services.core.answer_types import Moment, Sentence, one_of
from services.core.i18n import Text
from services.core.kafka_settings import Transport
from services.core.times import from_epoch, iso
from services.fleet.bots.webhooks import wanted_for
from services.fleet.workers.copies import Copies, Exit, exits_of
from services.fleet.workers.environment import names_in
from services.fleet.workers.redis_access import own_address
from services.fleet.workers.redis_view import RedisWay, redis_way
from services.fleet.workers.statuses import WorkerStatus, reason_of, started_copies, status_of
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import WorkQueue


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
    redis: RedisWay
    last_seen_at: Moment | None
    worker_command: str
    worker_image: str
    env_vars: list[str]
    ordered: bool
    transport: Annotated[str, one_of(Transport)]
    lease_seconds: int
    token_made_at: Moment | None
    exits: list[ExitView]
    created_at: Moment


class WorkerBotMade(TypedDict):
    """A bot that just got a worker. `worker_token`, and `redis_url` with it, are shown this once; `redis_url` is null where
    programs are not let into Redis, `webhook_url` for a polling bot.
    """

    bot_id: str
    status: Annotated[str, one_of(WorkerStatus)]
    topics: Topics
    kafka_topics: Topics
    webhook_url: str | None
    worker_token: str
    redis_url: str | None


def describe_worker(platform: Platform, bot: Bot, worker: BotWorker) -> WorkerBotView:
    """The JSON of a bot and its worker. Raises RedisError."""
    queue = WorkQueue(platform.redis, bot.id, bot.public_id)
    lag, seen = queue.lag(), queue.last_seen()
    copies = started_copies(platform, [worker]).get(bot.id)
    status = status_of(bot, worker, copies)
    exits = [] if copies is None else exits_of(platform.redis, bot.id)
    return {
        "bot_id": bot.public_id,
        "bot_name": bot.name,
        "status": status,
        "status_reason": reason_of(platform, bot, worker, status, copies, seen),
        "replicas": replicas_of(worker, copies),
        "lag": lag,
        "kafka_lag": lag,
        "redis": redis_way(platform, bot, worker),
        "last_seen_at": None if seen is None else iso(from_epoch(seen)),
        "worker_command": worker.command,
        "worker_image": worker.image,
        "env_vars": names_in(platform.vault, bot.id, worker.sealed_environment),
        "ordered": worker.ordered,
        "transport": worker.transport,
        "lease_seconds": worker.lease_seconds,
        "token_made_at": iso(worker.token_made_at),
        "exits": [_exit(each) for each in exits],
        "created_at": iso(worker.created_at),
    }


def describe_made(platform: Platform, bot: Bot, worker: BotWorker, token: str) -> WorkerBotMade:
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
        "redis_url": own_address(platform.settings, bot, worker, token),
    }


def replicas_of(worker: BotWorker, copies: Copies | None) -> Replicas:
    """How many copies run, by what their driver says, and how many may."""
    current = 0 if copies is None else copies.current
    return {"current": current, "min": worker.min_replicas, "max": worker.max_replicas}


def _exit(ended: Exit) -> ExitView:
    return {
        "at": iso(from_epoch(ended.at)),
        "seconds": ended.seconds,
        "code": ended.code,
        "signal": ended.signal,
        "reason": Text.stored(ended.reason),
        "output": ended.output,
    }
