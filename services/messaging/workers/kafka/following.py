"""Following how far programs have read their topics: what is read is settled, what nobody gets past is given up."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from services.messaging.workers.giving import WorkGiver, queue_of, settle
from services.messaging.workers.kafka.brokers import Brokers
from services.messaging.workers.kafka.feed import Feed, Record
from services.messaging.workers.kafka.timings import DEFAULT_TIMINGS, KafkaTimings
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import MOST_DELIVERIES

logger = logging.getLogger(__name__)
STUCK: Final = "stuck"
PASSED_BY: Final = "The program did not get past the update in {times} times {seconds} seconds"


class OffsetFollower:
    """Settles updates by the offsets that programs commit."""

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

    def look(self, feeds: Iterable[Feed], now: float) -> None:
        """Settle what was read of the bots it is time for. Raises RedisError, KafkaException, Unavailable."""
        due = [feed for feed in feeds if feed.written and now >= max(feed.looks_at, feed.waits_until)]
        wanted = {
            feed.bot.worker.public_id: {each.partition for each in feed.written.values()} for feed in due
        }
        found, failed = self._brokers.committed(wanted)
        for feed in due:
            public_id = feed.bot.worker.public_id
            feed.looks_at = now + self._timings.look
            if public_id in failed:
                feed.fail(failed[public_id], now)
                continue
            if feed.trouble == "unreachable" and not feed.under_way:
                feed.succeed()
            self._settle(feed, feed.passed(found[public_id]))
            self._count(feed, now)

    def _settle(self, feed: Feed, passed: list[Record]) -> None:
        worker = feed.bot.worker
        for record in passed:
            settle(self._platform, worker, record.work, ())
            self._forget(feed, record)
        if passed:
            queue_of(self._platform, worker).note_seen()

    def _forget(self, feed: Feed, record: Record) -> None:
        self._platform.redis.hdel(work_keys.records(feed.bot.worker.bot_id), record.work.lease)
        del feed.written[record.work.lease]

    def _count(self, feed: Feed, now: float) -> None:
        """Count an attempt for each record that its program, while one reads, has not got past for a lease time.

        Kafka brings it again by itself, which nobody counts.
        """
        for front in feed.fronts():
            front.since = front.since or now
        late = [each for each in feed.fronts() if now - each.since >= feed.bot.worker.lease_seconds]
        if late:
            is_read = self._brokers.is_read(feed.bot.worker.public_id)
            for record in late:
                self._judge(feed, record, now, is_read=is_read)
        if any(each.attempts >= MOST_DELIVERIES for each in feed.fronts()):
            feed.trouble = STUCK
        elif feed.trouble == STUCK:
            feed.trouble = ""

    def _judge(self, feed: Feed, record: Record, now: float, *, is_read: bool) -> None:
        if record.attempts >= MOST_DELIVERIES:
            if not is_read:  # only then may the offset be set past it
                self._give_up(feed, record)
        elif is_read:
            record.attempts, record.since = record.attempts + 1, now
            key = work_keys.records(feed.bot.worker.bot_id)
            self._platform.redis.hset(key, record.work.lease, record.text)

    def _give_up(self, feed: Feed, record: Record) -> None:
        worker = feed.bot.worker
        error = PASSED_BY.format(times=MOST_DELIVERIES, seconds=worker.lease_seconds)
        work = replace(record.work, attempt=MOST_DELIVERIES - 1)
        self._giver.write_letter(worker, work, error, "worker: no answer")
        if self._brokers.set_committed(worker.public_id, {record.partition: record.offset + 1}):
            settle(self._platform, worker, record.work, ())
            self._forget(feed, record)
