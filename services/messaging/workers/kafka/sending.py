"""Writing updates to topics: out of the queue, keyed by chat, and remembered with where they stand."""

from __future__ import annotations

import json
import logging
import time
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.messaging.workers.giving import WorkGiver, queue_of
from services.messaging.workers.kafka import clients
from services.messaging.workers.kafka.brokers import Brokers
from services.messaging.workers.kafka.feed import CONSUMER, Feed, Record
from services.messaging.workers.kafka.timings import DEFAULT_TIMINGS, KafkaTimings
from services.platform.platform import Platform
from services.platform.token_encryption import load_opened
from services.queueing.work_queue import Work

logger = logging.getLogger(__name__)
MOST_AT_ONCE: Final = 100
FOR_EVER_SECONDS: Final = (
    10 * 365 * 86_400.0
)  # nobody else may take what Kafka has; attempts are counted by offsets
BEGIN_AGAIN_SECONDS: Final = (
    3600.0  # brokers forget the offsets of a group that sleeps, after a day at the soonest
)
NO_TOPIC: Final = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)
TOO_LARGE: Final = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)


class RecordSender:
    """Writes what waits for bots whose programs read Kafka."""

    def __init__(
        self,
        platform: Platform,
        brokers: Brokers,
        giver: WorkGiver,
        timings: KafkaTimings = DEFAULT_TIMINGS,
    ) -> None:
        self._platform = platform
        self._timings = timings
        self._brokers = brokers
        self._giver = giver
        self._producer: Producer | None = None

    def send(self, feed: Feed, now: float) -> bool:
        """Have the brokers be sent what may be written now; whether more waits. Raises RedisError, KafkaException."""
        queue = queue_of(self._platform, feed.bot.worker)
        if not feed.may_send(now):
            return False
        if not feed.is_loaded:
            feed.load(self._platform.redis, queue)
        if now >= feed.begins_at:
            self._begin(feed, now)
        works, feed.unsent = feed.unsent, []
        if not works and feed.room > 0:
            most = min(feed.room, MOST_AT_ONCE)
            feed.is_loaded = False  # until the answer is here: what it gives out must not get lost with it
            works, _ = queue.take(CONSUMER, most, FOR_EVER_SECONDS, is_program=False)
            feed.is_loaded = True
        for work in works:
            self._write(feed, work, now)
        return len(works) == MOST_AT_ONCE

    def deliver(self, feeds: list[Feed], now: float) -> None:
        """Wait a moment for the brokers, and remember what they took. Raises RedisError, Unavailable."""
        if self._producer is not None and any(feed.under_way for feed in feeds):
            self._producer.flush(self._timings.delivery)
        elif self._producer is not None:
            self._producer.poll(0)  # what it has to log
        for feed in feeds:
            self._note(feed)
            if feed.under_way and now - feed.under_way_since > self._timings.slow:
                feed.trouble = feed.trouble or "unreachable"

    def _note(self, feed: Feed) -> None:
        """Remember what was written, and give up what cannot be; each is forgotten here once that is done."""
        worker = feed.bot.worker
        while feed.delivered:
            record = feed.delivered[0]
            if queue_of(self._platform, worker).remember(record.work, record.text):
                feed.written[record.work.lease] = record
            feed.delivered.pop(0)
        while feed.hopeless:
            work, error = feed.hopeless[0]
            self._giver.give_up(worker, work, error, "worker: not for Kafka")
            feed.hopeless.pop(0)

    def close(self) -> None:
        """Drop what is under way: the queue holds it still, and it is written again."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(self._timings.delivery)
            self._producer = None

    def _begin(self, feed: Feed, now: float) -> None:
        """Give the group offsets where it has none: a program that then begins at the end would miss what woke it."""
        public_id, every = feed.bot.worker.public_id, range(feed.partitions)
        offsets = dict.fromkeys(every, 0)
        if not feed.is_fresh:
            found, failed = self._brokers.committed({public_id: every})
            if failed:
                raise KafkaException(failed[public_id])
            missing = set(every) - set(found[public_id])
            first = {each.partition: each.offset for each in feed.fronts()}
            offsets = {**self._brokers.ends(feed.bot.incoming, missing), **first} if missing else {}
            offsets = {each: offset for each, offset in offsets.items() if each in missing}
        if offsets and not self._brokers.set_committed(public_id, offsets):
            logger.info("kafka: %s is read by a program that chose itself where to begin", public_id)
        feed.is_fresh, feed.begins_at = False, now + BEGIN_AGAIN_SECONDS

    def _write(self, feed: Feed, work: Work, now: float) -> None:
        record = self._envelope(feed, work)
        if record is None:
            return
        if self._producer is None:
            self._producer = clients.producer(self._platform.settings)
        told = partial(self._delivered, feed, work)
        feed.under_way_since = feed.under_way_since if feed.under_way else now
        feed.under_way[work.lease] = work
        try:
            self._producer.produce(feed.bot.incoming, record, key=work.chat.encode(), on_delivery=told)
        except BufferError:  # so much is under way for all bots
            feed.waits_until = now + self._timings.pause
            feed.unsent.append(feed.under_way.pop(work.lease))
        except KafkaException as failure:
            self._delivered(feed, work, clients.error_of(failure), None)

    def _envelope(self, feed: Feed, work: Work) -> bytes | None:
        worker = feed.bot.worker
        try:
            update = load_opened(self._platform.vault, work.update, worker.bot_id)
        except (ValueError, RecursionError):  # the other bots' updates go on
            feed.hopeless.append((work, "The update cannot be read"))
            return None
        envelope = {"bot_id": worker.public_id, "update": update}
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()

    def _delivered(self, feed: Feed, work: Work, error: KafkaError | None, message: Message | None) -> None:
        feed.under_way.pop(work.lease, None)
        if error is not None or message is None:
            self._failed(feed, work, error or KafkaError(KafkaError._FAIL))
            return
        feed.succeed()
        partition, offset = message.partition(), message.offset()
        if partition is None or offset is None or offset < 0:
            feed.unsent.append(
                work
            )  # the brokers have it from a try whose answer got lost, and say not where
        else:
            feed.delivered.append(Record(work, partition, offset))

    def _failed(self, feed: Feed, work: Work, error: KafkaError) -> None:
        logger.warning("kafka: an update of %s was not taken: %s", feed.bot.worker.public_id, error.name())
        if error.code() in TOO_LARGE:
            feed.hopeless.append((work, "The brokers take no record as large as this update"))
            return
        feed.unsent.append(work)
        feed.fail(error, time.monotonic())
        if error.code() in NO_TOPIC:
            feed.partitions = 0  # made again
        if error.fatal():
            self._producer = None
