"""Keeping topics as the bots are: made with a worker, deleted with it, made again when somebody else deleted them."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Final

from confluent_kafka import KafkaException

from services.messaging.workers.kafka.bots import kafka_bots
from services.messaging.workers.kafka.brokers import Brokers
from services.messaging.workers.kafka.clients import error_of
from services.messaging.workers.kafka.feed import Feed
from services.messaging.workers.kafka.timings import DEFAULT_TIMINGS, KafkaTimings
from services.platform.platform import Platform
from services.platform.redis import work_keys

logger = logging.getLogger(__name__)
PARTITIONS: Final = (
    "partitions"  # the field of `moved` that says how many the outgoing topic has: it can be read
)
OUTGOING_PARTITIONS: Final = 1  # calls have an order, and programs need not choose a partition for them


class TopicKeeper:
    """Brings topics and groups about, and takes those of ended workers away.

    Redis knows whose topics there are, so that the end of a worker, or of its bot, needs no Kafka: they go when it answers.
    """

    def __init__(self, platform: Platform, brokers: Brokers, timings: KafkaTimings = DEFAULT_TIMINGS) -> None:
        self._platform = platform
        self._timings = timings
        self._brokers = brokers
        self._drops_at = 0.0
        self._parting: dict[str, float] = {}  # since when it is known that topics are to go

    def keep(self, feeds: MutableMapping[int, Feed], now: float) -> None:
        """Have `feeds` be those of the bots there are, each with its topics. Raises RedisError, KafkaException."""
        bots = kafka_bots(self._platform)
        for bot_id in set(feeds) - set(bots):
            del feeds[bot_id]
        for bot_id, bot in bots.items():
            if bot_id not in feeds or feeds[bot_id].bot.since != bot.since:
                feeds[bot_id] = Feed(bot, self._timings)
            feeds[bot_id].bot = bot
        former = self._drop_former({bot.worker.public_id: bot.since for bot in bots.values()}, now)
        new = [feed for feed in feeds.values() if not feed.partitions and now >= feed.waits_until]
        self._make([feed for feed in new if feed.bot.worker.public_id not in former], now)

    def _drop_former(self, wanted: dict[str, str], now: float) -> set[str]:
        """Delete what no worker has any more; the public ids of those whose topics are there still."""
        redis = self._platform.redis
        known = {str(public_id): str(since) for public_id, since in redis.hgetall(work_keys.topics()).items()}
        former = {public_id for public_id, since in known.items() if wanted.get(public_id) != since}
        self._parting = {public_id: self._parting.get(public_id, now) for public_id in former}
        if now < self._drops_at:
            return former
        for public_id in sorted(former):
            if now - self._parting[public_id] < self._timings.parting:
                continue
            try:
                self._brokers.drop(public_id)
            except KafkaException as failure:  # the bots that are there must not wait for it
                logger.warning("kafka: topics of %s stay for now: %s", public_id, error_of(failure).str())
                self._drops_at = now + self._timings.drop_again
                break
            redis.hdel(work_keys.topics(), public_id)
            former.discard(public_id)
            logger.info("kafka: the topics of %s are deleted", public_id)
        return former

    def _make(self, feeds: list[Feed], now: float) -> None:
        wanted: dict[str, int] = {}
        for feed in feeds:
            bot = feed.bot
            self._platform.redis.hset(work_keys.topics(), bot.worker.public_id, bot.since)
            wanted |= {bot.incoming: bot.partitions, bot.outgoing: OUTGOING_PARTITIONS}
        made, failed = self._brokers.make(wanted)
        for feed in feeds:
            error = failed.get(feed.bot.incoming) or failed.get(feed.bot.outgoing)
            if error is not None:
                feed.fail(error, now)
            self._begin(feed, made, is_whole=error is None)

    def _begin(self, feed: Feed, made: set[str], *, is_whole: bool) -> None:
        bot, redis = feed.bot, self._platform.redis
        moved = work_keys.moved(bot.worker.bot_id)
        if bot.outgoing in made:
            redis.delete(moved)
            redis.hset(moved, "0", 0)
        if bot.incoming in made:
            redis.delete(work_keys.records(bot.worker.bot_id))
            feed.start_over()
        if is_whole:
            is_new = bot.outgoing in made
            there = OUTGOING_PARTITIONS if is_new else self._brokers.partitions(bot.outgoing)
            redis.hset(moved, PARTITIONS, there)
            feed.succeed()
            feed.partitions = (
                bot.partitions if bot.incoming in made else self._brokers.partitions(bot.incoming)
            )
            feed.begins_at = 0.0
