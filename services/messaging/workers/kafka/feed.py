"""What is known of one bot's updates on their way through its Kafka topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaError
from redis import Redis

from services.messaging.workers.kafka.bots import KafkaBot
from services.messaging.workers.kafka.clients import trouble_of
from services.messaging.workers.kafka.timings import DEFAULT_TIMINGS, KafkaTimings
from services.platform.redis import work_keys
from services.queueing.work_queue import MOST_GIVEN, Work, WorkQueue

CONSUMER: Final = "kafka"  # of the bot's queue: whoever carries its updates to Kafka


@dataclass
class Record:
    """An update and where it stands in the topic. `attempts`: for how many lease times its program has not got past it.

    `since` is when it became the first of its partition that is not passed, by the clock of this process; 0 before.
    """

    work: Work
    partition: int
    offset: int
    attempts: int = 0
    since: float = 0.0

    @property
    def text(self) -> str:
        """As it is kept in Redis."""
        return f"{self.partition}:{self.offset}:{self.attempts}"


@dataclass
class Feed:
    """One bot's share of the work. What was given out of the queue is either written to the topic, under way or unsent."""

    bot: KafkaBot
    timings: KafkaTimings = DEFAULT_TIMINGS
    partitions: int = 0  # of the topic; 0: it has still to be made or looked for
    is_fresh: bool = False  # the topic was made just now, and nobody has read it
    is_loaded: bool = False
    written: dict[str, Record] = field(default_factory=dict)  # by lease
    delivered: list[Record] = field(default_factory=list)  # written, but Redis does not know it yet
    under_way: dict[str, Work] = field(default_factory=dict)
    under_way_since: float = 0.0
    hopeless: list[tuple[Work, str]] = field(default_factory=list)  # not for any topic, and why
    unsent: list[Work] = field(default_factory=list)
    begins_at: float = 0.0  # when to look whether the group has offsets at all
    looks_at: float = 0.0
    waits_until: float = 0.0  # after an error
    failures: int = 0
    trouble: str = ""

    @property
    def room(self) -> int:
        """How many more updates may be given out at once."""
        return MOST_GIVEN - len(self.written)

    def may_send(self, now: float) -> bool:
        """Whether updates can be written: the topic is there, the bot runs, and the last ones have arrived."""
        is_free = not (self.under_way or self.delivered or self.hopeless) and now >= self.waits_until
        return is_free and self.partitions > 0 and self.bot.worker.is_running

    def load(self, redis: Redis, queue: WorkQueue) -> None:
        """Learn what was given out before, by another process or in an answer that got lost; nothing may be on its way to
        `written`. Raises RedisError.
        """
        known: Any = redis.hgetall(work_keys.records(self.bot.worker.bot_id))
        busy = {*self.written, *self.under_way}
        found = [work for work in queue.given_to(CONSUMER) if work.lease not in busy]
        self.written |= {
            work.lease: _record(work, known[work.lease]) for work in found if work.lease in known
        }
        self.unsent = [work for work in found if work.lease not in known]
        self.is_loaded = True

    def start_over(self) -> None:
        """The topic is a new one: nothing of what was written to the former is in it."""
        self.unsent = [each.work for each in self.written.values()] + self.unsent
        self.unsent.sort(key=lambda work: work.number)
        self.written, self.is_fresh = {}, True

    def passed(self, committed: Mapping[int, int]) -> list[Record]:
        """The records that the program is done with, in the order of writing."""
        return [each for each in self.written.values() if each.offset < committed.get(each.partition, 0)]

    def fronts(self) -> list[Record]:
        """Of each partition the first record that the program is not done with."""
        first: dict[int, Record] = {}
        for each in self.written.values():
            known = first.setdefault(each.partition, each)
            if each.offset < known.offset:
                first[each.partition] = each
        return list(first.values())

    def fail(self, error: KafkaError, now: float) -> None:
        """Leave the brokers alone for this bot, longer each time."""
        first, longest = self.timings.backoff
        pause = min(first * 2 ** min(self.failures, 10), longest)
        self.failures, self.waits_until, self.trouble = self.failures + 1, now + pause, trouble_of(error)

    def succeed(self) -> None:
        """The brokers took something."""
        self.failures, self.trouble = 0, ""


def _record(work: Work, text: str) -> Record:
    partition, offset, attempts = (int(part) for part in text.split(":"))
    return Record(work, partition, offset, attempts)
