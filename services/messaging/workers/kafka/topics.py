"""Topics of bots and offsets of their programs' groups, as the brokers have them.

All raise KafkaException when the brokers do not answer or refuse; those that ask for many bots at once tell it of each.
Used in a process of its own alone (`asking`): librdkafka aborts its process when a broker goes away at the wrong moment of such
a request (confluentinc/librdkafka#3663, #4605).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from confluent_kafka import (
    OFFSET_INVALID,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.cimpl import NewTopic

from services.messaging.workers.kafka.clients import error_of
from services.platform.redis import work_keys

GONE: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.GROUP_ID_NOT_FOUND)
LATEST: Final[Any] = OffsetSpec.latest  # untyped in the library
READ_NOW: Final = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP, KafkaError.REBALANCE_IN_PROGRESS)


class Topics:
    """The topics and groups of all bots."""

    def __init__(self, admin: AdminClient, replication: int, request_seconds: float = 3.0) -> None:
        self._admin = admin
        self._request = request_seconds
        self._replication = replication

    def make(self, wanted: Mapping[str, int]) -> tuple[set[str], dict[str, KafkaError]]:
        """Make topics, by name with how many partitions; those that were not there before, and why others could not be made."""
        made: set[str] = set()
        failed: dict[str, KafkaError] = {}
        new = [NewTopic(name, count, replication_factor=self._replication) for name, count in wanted.items()]
        answers = self._admin.create_topics(new, request_timeout=self._request) if new else {}
        for name, answer in answers.items():
            try:
                if _done(answer, but=(KafkaError.TOPIC_ALREADY_EXISTS,)):
                    made.add(name)
            except KafkaException as failure:
                failed[name] = error_of(failure)
        return made, failed

    def partitions(self, name: str) -> int:
        """How many partitions a topic has; 0 when it is not there yet."""
        asked = TopicCollection([name])  # a plain request for it would make it, where brokers allow that
        (answer,) = self._admin.describe_topics(asked, request_timeout=self._request).values()
        try:
            return len(answer.result().partitions)
        except KafkaException as failure:
            if error_of(failure).code() in GONE:
                return 0
            raise

    def drop(self, public_id: str) -> None:
        """Delete a bot's topics and its group; what is gone already is no error, and a group that is read now ends by itself."""
        names = [work_keys.incoming(public_id), work_keys.outgoing(public_id)]
        for name in names:  # each by itself: one that is missing must not keep the other
            for answer in self._admin.delete_topics([name], request_timeout=self._request).values():
                _done(answer, but=GONE)
        groups = self._admin.delete_consumer_groups(
            [work_keys.group(public_id)], request_timeout=self._request
        )
        for answer in groups.values():
            _done(answer, but=(*GONE, *READ_NOW))

    def committed(
        self, wanted: Mapping[str, Collection[int]]
    ) -> tuple[dict[str, dict[int, int]], dict[str, KafkaError]]:
        """Up to which offset programs have read, by public id and partition, and why it is not known of others.

        A partition that nobody has read is left out. All groups are asked for at once.
        """
        found: dict[str, dict[int, int]] = {}
        failed: dict[str, KafkaError] = {}
        asked = {public_id: self._ask_committed(public_id, which) for public_id, which in wanted.items()}
        for public_id, answer in asked.items():
            try:
                places = answer.result().topic_partitions
                found[public_id] = {each.partition: each.offset for each in places if each.offset >= 0}
            except KafkaException as failure:
                failed[public_id] = error_of(failure)
        return found, failed

    def set_committed(self, public_id: str, offsets: Mapping[int, int]) -> bool:
        """Have a bot's program go on from these offsets; False while one reads the topic, which forbids it."""
        topic = work_keys.incoming(public_id)
        places = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        request = ConsumerGroupTopicPartitions(work_keys.group(public_id), places)
        (answer,) = self._admin.alter_consumer_group_offsets(
            [request], request_timeout=self._request
        ).values()
        try:
            errors = [each.error for each in answer.result().topic_partitions if each.error is not None]
        except KafkaException as failure:
            errors = [error_of(failure)]
        for error in errors:
            if error.code() not in READ_NOW:
                raise KafkaException(error)
        return not errors

    def ends(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The offset after the last record of each partition."""
        asked = {TopicPartition(topic, each): LATEST() for each in partitions}
        answers = self._admin.list_offsets(asked, request_timeout=self._request)
        return {place.partition: answer.result().offset for place, answer in answers.items()}

    def is_read(self, public_id: str) -> bool:
        """Whether a program reads the bot's topic now."""
        answers = self._admin.describe_consumer_groups(
            [work_keys.group(public_id)], request_timeout=self._request
        )
        (answer,) = answers.values()
        try:
            state = answer.result().state
        except KafkaException as failure:
            if error_of(failure).code() in GONE:
                return False
            raise
        return state not in (ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD, ConsumerGroupState.UNKNOWN)

    def _ask_committed(self, public_id: str, partitions: Collection[int]) -> Any:
        topic = work_keys.incoming(public_id)
        places = [TopicPartition(topic, each, OFFSET_INVALID) for each in sorted(partitions)]
        request = ConsumerGroupTopicPartitions(work_keys.group(public_id), places)
        (answer,) = self._admin.list_consumer_group_offsets([request], request_timeout=self._request).values()
        return answer


def _done(answer: Any, but: Collection[int]) -> bool:
    """Whether a request was done; False for the errors in `but`, others are raised."""
    try:
        answer.result()
    except KafkaException as failure:
        if error_of(failure).code() in but:
            return False
        raise
    return True
