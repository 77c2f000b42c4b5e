"""A bot as `/api/v1/bots` shows it: the whole product's resource, with the names of the interface that workers' owners know (W1)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated, NotRequired, cast

from redis import RedisError
from sqlalchemy import select

from models import Bot, BotWorker
from services.core.answer_types import one_of
from services.fleet.bots.views import BotView, describe
from services.fleet.workers.copies import Copies
from services.fleet.workers.statuses import WorkerStatus, started_copies, status_of
from services.fleet.workers.views import Replicas, Topics, describe_made, replicas_of
from services.platform.platform import Platform
from services.queueing.work_queue import lags

logger = logging.getLogger(__name__)


class BotResource(BotView):
    """A bot; `bot_id` is its public id, `bot_name` its name. The rest is null for one without a worker, and what waits in Redis
    (`lag`, alias `kafka_lag`) also while that does not answer.
    """

    bot_id: str
    bot_name: str
    worker_status: Annotated[str, one_of(WorkerStatus)] | None
    replicas: Replicas | None
    lag: int | None
    kafka_lag: int | None


class BotMade(BotResource):
    """A bot that was just registered. With a worker it has `worker_token`, shown this once, and the rest of what follows, which
    others have not; `webhook_url` is null for a polling bot.
    """

    topics: NotRequired[Topics]
    kafka_topics: NotRequired[Topics]
    webhook_url: NotRequired[str | None]
    worker_token: NotRequired[str]
    redis_url: NotRequired[str | None]


def describe_bots(platform: Platform, bots: Sequence[Bot]) -> list[BotResource]:
    """The JSON of bots whose plugins are loaded: one query and one round trip for all."""
    query = select(BotWorker).where(BotWorker.bot_id.in_([bot.id for bot in bots]))
    with platform.database.reading() as session:
        workers = {worker.bot_id: worker for worker in session.scalars(query)}
    lag, copies = _in_redis(platform, [bot for bot in bots if bot.id in workers], list(workers.values()))
    return [_described(bot, workers.get(bot.id), lag.get(bot.id), copies.get(bot.id)) for bot in bots]


def describe_new_bot(platform: Platform, bot: Bot, made_with: tuple[BotWorker, str] | None = None) -> BotMade:
    """The JSON of a bot that was just registered, perhaps with a worker, whose token is shown this once."""
    (found,) = describe_bots(platform, [bot])
    if made_with is None:
        return cast(BotMade, found)
    made = describe_made(platform, bot, *made_with)
    return {
        **found,
        "topics": made["topics"],
        "kafka_topics": made["kafka_topics"],
        "webhook_url": made["webhook_url"],
        "worker_token": made["worker_token"],
        "redis_url": made["redis_url"],
    }


def _described(bot: Bot, worker: BotWorker | None, lag: int | None, copies: Copies | None) -> BotResource:
    return {
        **describe(bot),
        "bot_id": bot.public_id,
        "bot_name": bot.name,
        "worker_status": None if worker is None else status_of(bot, worker, copies),
        "replicas": None if worker is None else replicas_of(worker, copies),
        "lag": lag,
        "kafka_lag": lag,
    }


def _in_redis(
    platform: Platform, bots: Sequence[Bot], workers: Sequence[BotWorker]
) -> tuple[dict[int, int], dict[int, Copies]]:
    """What waits for workers and what is said of their copies, by bot; nothing while Redis does not answer."""
    if not bots:
        return {}, {}
    try:
        found = lags(platform.redis, [(bot.id, bot.public_id) for bot in bots])
        copies = started_copies(platform, workers)
    except RedisError as error:
        logger.warning("what waits for workers is not known: %s", type(error).__name__)
        return {}, {}
    return {bot.id: lag for bot, lag in zip(bots, found, strict=True)}, copies
