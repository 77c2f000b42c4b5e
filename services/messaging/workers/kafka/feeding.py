"""The loop that brings updates to Kafka, for all bots of the installation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from functools import partial

from confluent_kafka import KafkaException
from redis import RedisError

from services.core.errors import Unavailable
from services.messaging.workers.giving import WorkGiver
from services.messaging.workers.kafka import clients
from services.messaging.workers.kafka.brokers import Brokers
from services.messaging.workers.kafka.feed import Feed
from services.messaging.workers.kafka.following import OffsetFollower
from services.messaging.workers.kafka.keeping import TopicKeeper
from services.messaging.workers.kafka.sending import RecordSender
from services.messaging.workers.kafka.timings import DEFAULT_TIMINGS, KafkaTimings
from services.messaging.workers.kafka.troubles import Troubles
from services.platform.platform import Platform
from services.queueing.work_hints import WorkHints
from services.queueing.work_queue import lags

logger = logging.getLogger(__name__)


class Feeder:
    """Brings updates to the topics of all bots, and settles them. Its clients are made with the first bot that needs them."""

    def __init__(self, platform: Platform, timings: KafkaTimings = DEFAULT_TIMINGS) -> None:
        self._platform = platform
        self._timings = timings
        self._brokers = brokers = Brokers(platform.settings, timings.request)
        giver = WorkGiver(platform)
        self._keeper = TopicKeeper(platform, brokers, timings)
        self._sender = RecordSender(platform, brokers, giver, timings)
        self._follower = OffsetFollower(platform, brokers, giver, timings)
        self._troubles = Troubles(platform)
        self._feeds: dict[int, Feed] = {}
        self._hints = WorkHints(platform.blocking_redis)
        self._keeps_at = self._looks_at_all_at = 0.0
        self._hot: set[int] = set()

    def work(self, goes_on: Callable[[], bool]) -> None:
        """Go round until told to stop. Nothing is lost when it ends at any moment."""
        while goes_on():
            try:
                self.round(self._timings.idle)
            except (RedisError, Unavailable) as error:
                logger.warning("kafka: updates wait (%s)", type(error).__name__)
                for feed in self._feeds.values():
                    feed.is_loaded = False
                self._hints.forget()
                time.sleep(self._timings.pause)
        self.close()

    def close(self) -> None:
        """Let go of the brokers; what was under way is in the queue still."""
        self._sender.close()
        self._brokers.close()

    def round(self, patience: float) -> None:
        """Bring what there is to the brokers, and settle what was read, after waiting for a hint for `patience` seconds at most.

        Raises RedisError, Unavailable.
        """
        now = time.monotonic()
        if now >= self._keeps_at:
            self._keeps_at = now + self._timings.keep
            self._guarded(list(self._feeds.values()), lambda: self._keeper.keep(self._feeds, now))
        hinted = self._hinted(0.0 if self._is_busy() else patience)
        for feed in self._due(hinted, time.monotonic()):
            self._guarded([feed], partial(self._send, feed))
        feeds = list(self._feeds.values())
        self._sender.deliver(feeds, time.monotonic())
        looking = [feed for feed in feeds if feed.written]
        self._guarded(looking, lambda: self._follower.look(looking, time.monotonic()))
        self._troubles.tell(self._feeds.values(), time.monotonic())

    def _send(self, feed: Feed) -> None:
        if self._sender.send(feed, time.monotonic()):
            self._hot.add(feed.bot.worker.bot_id)

    def _guarded(self, feeds: Collection[Feed], step: Callable[[], None]) -> None:
        """Have brokers that do not answer be a trouble of these bots, and of nobody else."""
        try:
            step()
        except KafkaException as failure:
            error = clients.error_of(failure)
            logger.warning("kafka: %s", error.str())
            for feed in feeds:
                feed.fail(error, time.monotonic())

    def _is_busy(self) -> bool:
        return bool(self._hot) or any(feed.under_way for feed in self._feeds.values())

    def _due(self, hinted: set[int], now: float) -> list[Feed]:
        wanted, self._hot = hinted | self._hot, set()
        if now >= self._looks_at_all_at:
            self._looks_at_all_at = now + self._timings.every
            wanted |= self._waiting()
        unsent = {bot_id for bot_id, feed in self._feeds.items() if feed.unsent or not feed.is_loaded}
        return [self._feeds[bot_id] for bot_id in sorted((wanted | unsent) & set(self._feeds))]

    def _waiting(self) -> set[int]:
        """The bots in whose queues there is more than their topics have."""
        workers = [feed.bot.worker for feed in self._feeds.values()]
        found = lags(self._platform.redis, [(each.bot_id, each.public_id) for each in workers])
        return {
            each.bot_id
            for each, lag in zip(workers, found, strict=True)
            if lag > len(self._feeds[each.bot_id].written)
        }

    def _hinted(self, patience: float) -> set[int]:
        if not self._hints.began:
            self._hints.begin()
            self._looks_at_all_at = 0.0
            return set()
        return self._hints.wait(patience)
