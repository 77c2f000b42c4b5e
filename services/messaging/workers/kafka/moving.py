"""Moving what programs write to their outgoing topics into the outboxes of their bots, each record once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from redis import RedisError

from plugins.effects import Priority
from services.core.errors import InvalidInput, Unavailable
from services.core.tracing import begun
from services.messaging.outbox.outgoing import slot_of
from services.messaging.workers.kafka import clients
from services.messaging.workers.kafka.bots import KafkaBot, kafka_bots
from services.messaging.workers.kafka.keeping import PARTITIONS
from services.messaging.workers.kafka.records import invalid, keep_refused, wanted_call
from services.messaging.workers.kafka.timings import DEFAULT_TIMINGS, KafkaTimings
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.platform.redis.jobs import DOORBELL_SECONDS, JobName, enqueue
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed
from services.queueing.shards import outbox_keys

logger = logging.getLogger(__name__)
MOVE: Final = load("move_records")
MOST_AT_ONCE: Final = 500
MOST_QUEUED: Final = 10_000  # calls in a bot's outbox; beyond it Kafka keeps the rest


@dataclass
class Place:
    """How far a partition of a bot's outgoing topic was read."""

    bot: KafkaBot
    partition: int
    following: int  # the offset that comes next
    is_paused: bool = False

    def at(self, offset: int) -> TopicPartition:
        """A place in this partition."""
        return TopicPartition(self.bot.outgoing, self.partition, offset)


class Mover:
    """Moves the records of all bots. How far it got stands in Redis, set in one step with what was moved."""

    def __init__(self, platform: Platform, timings: KafkaTimings = DEFAULT_TIMINGS) -> None:
        self._platform = platform
        self._timings = timings
        self._consumer: Consumer | None = None
        self._places: dict[tuple[str, int], Place] = {}
        self._keeps_at = 0.0

    def work(self, goes_on: Callable[[], bool]) -> None:
        """Go round until told to stop. Nothing is lost or moved twice when it ends at any moment."""
        while goes_on():
            try:
                self.round(self._timings.idle)
            except (RedisError, Unavailable) as error:
                logger.warning("kafka: what programs say waits (%s)", type(error).__name__)
                self.close()  # and read again from where Redis knows of
                time.sleep(self._timings.pause)
        self.close()

    def round(self, patience: float) -> None:
        """Move what there is, after waiting for it for `patience` seconds at most. Raises RedisError, Unavailable."""
        now = time.monotonic()
        if now >= self._keeps_at:
            self._keeps_at = now + self._timings.keep
            self._keep()
        if self._consumer is None:
            time.sleep(patience)
            return
        found: dict[tuple[str, int], list[Message]] = {}
        for message in self._consumer.consume(MOST_AT_ONCE, timeout=patience):
            error = message.error()
            if error is not None:
                logger.info("kafka: %s cannot be read: %s", message.topic(), error.str())
                continue
            found.setdefault((str(message.topic()), int(message.partition() or 0)), []).append(message)
        for name, messages in found.items():
            if name in self._places:  # else what was read before its bot was stopped
                self._move(self._places[name], messages)

    def close(self) -> None:
        """Read nothing any more, until it begins anew."""
        self._places = {}
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _keep(self) -> None:
        """Read the topics of the bots that run, and no others."""
        known = self._platform.redis.hgetall(work_keys.topics())
        wanted = {
            bot.outgoing: bot
            for bot in kafka_bots(self._platform).values()
            if bot.worker.is_running and known.get(bot.worker.public_id) == bot.since
        }
        for name, place in list(self._places.items()):
            if wanted.get(name[0]) is None or wanted[name[0]].since != place.bot.since:
                self._consumer_here().incremental_unassign([place.at(OFFSET_BEGINNING)])
                del self._places[name]
        read = {topic for topic, _ in self._places}
        try:
            self._begin([wanted[topic] for topic in sorted(wanted.keys() - read)])
        except KafkaException as failure:
            logger.warning("kafka: calls cannot be read: %s", clients.error_of(failure).str())
        self._resume()

    def _begin(self, bots: Sequence[KafkaBot]) -> None:
        """Read the topics of more bots, as far as they are made, all from where Redis knows of."""
        places = [place for bot in bots for place in self._places_of(bot)]
        forgotten = [place for place in places if place.following < 0]
        if forgotten:  # Kafka was told as well, a little later
            asked = [place.at(OFFSET_BEGINNING) for place in forgotten]
            noted = self._consumer_here().committed(asked, timeout=self._timings.request)
            offsets = {(each.topic, each.partition): each.offset for each in noted}
            for place in forgotten:
                place.following = max(offsets.get((place.bot.outgoing, place.partition), 0), 0)
        if places:
            self._consumer_here().incremental_assign([place.at(place.following) for place in places])
            self._places |= {(place.bot.outgoing, place.partition): place for place in places}

    def _places_of(self, bot: KafkaBot) -> list[Place]:
        moved: Any = self._platform.redis.hgetall(work_keys.moved(bot.worker.bot_id))
        count = int(moved.get(PARTITIONS, 0))
        return [Place(bot, each, int(moved.get(str(each), -1))) for each in range(count)]

    def _move(self, place: Place, messages: Sequence[Message]) -> None:
        bot_id = place.bot.worker.bot_id
        first, last = int(messages[0].offset() or 0), int(messages[-1].offset() or 0)
        if first < place.following:  # the topic was made anew
            self._platform.redis.hset(work_keys.moved(bot_id), str(place.partition), first)
        names = [work_keys.moved(bot_id)]
        values: list[str | int] = [bot_id, place.partition, last + 1, DOORBELL_SECONDS]
        for message in messages:
            call = self._call(place, message)
            names += call[0]
            values += call[1]
        rings = MOVE(self._platform.redis, names, values)
        place.following = last + 1
        with suppress(RedisError):  # the reconciler rings again
            for shard in rings:
                enqueue(self._platform.job_redis, JobName.DRAIN_OUTBOX, int(shard))
        self._note(place)

    def _call(self, place: Place, message: Message) -> tuple[Sequence[str], Sequence[str | int]]:
        """What a record adds to the script that moves it: nothing for one that is refused, which is kept as a dead letter."""
        bot_id, offset, record = place.bot.worker.bot_id, int(message.offset() or 0), message.value() or b""
        try:
            call, priority = wanted_call(bytes(record))
            wanted = {"method": call.method, "params": dict(call.params)}
            text = dump_sealed(self._platform.vault, wanted, bot_id)
        except (InvalidInput, ValueError, RecursionError) as error:
            why = error if isinstance(error, InvalidInput) else invalid()
            keep_refused(self._platform, place.bot, bytes(record), why)
            return (), ()
        shard = bot_id % self._platform.settings.update_lanes
        slot = slot_of(call.method, call.params, priority, str(call.params.get("chat_id", "0")))
        return outbox_keys(bot_id, slot[0], shard), (offset, shard, slot[1], begun(bot_id), text)

    def _note(self, place: Place) -> None:
        """Note in Kafka how far it was read, for its tools and for the day that Redis is lost; and let a full outbox empty."""
        consumer, queued = self._consumer_here(), self._queued(place)
        with suppress(KafkaException):  # Redis knows
            consumer.commit(offsets=[place.at(place.following)], asynchronous=True)
        if queued >= MOST_QUEUED:
            consumer.pause([place.at(place.following)])
            place.is_paused = True

    def _resume(self) -> None:
        for place in self._places.values():
            if place.is_paused and self._queued(place) < MOST_QUEUED / 2:
                self._consumer_here().resume([place.at(place.following)])
                place.is_paused = False

    def _queued(self, place: Place) -> int:
        return int(self._platform.redis.xlen(keys.outbox(place.bot.worker.bot_id, Priority.REPLY)))

    def _consumer_here(self) -> Consumer:
        if self._consumer is None:
            self._consumer = clients.consumer(self._platform.settings)
        return self._consumer
