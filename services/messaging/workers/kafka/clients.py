"""How this installation speaks to Kafka: one producer, one consumer and one administrator for all bots (ADR 46)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:  # the process that only asks starts in a moment without it
    from services.core.settings import Settings

logger = logging.getLogger(__name__)
GROUP: Final = "flotilla"  # under which it is noted in Kafka too how far outgoing topics were read
REFUSALS: Final = frozenset(
    (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.POLICY_VIOLATION,
        KafkaError.INVALID_REPLICATION_FACTOR,
    )
)


def producer(settings: Settings) -> Producer:
    """A producer that keeps the order of each partition, writes nothing twice, and never gives up for a broker's absence."""
    own = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": 0, "linger.ms": 2}
    return Producer({**options_of(settings), **own}, logger=logger)


def consumer(settings: Settings) -> Consumer:
    """A consumer that is told what to read and from where; its group only keeps notes."""
    own = {"group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    return Consumer({**options_of(settings), **own}, logger=logger)


def administrator(options: dict[str, Any]) -> AdminClient:
    """Makes and deletes topics, and asks for the offsets of groups; `options` are `options_of` the settings."""
    return AdminClient(options, logger=logger)


def trouble_of(error: KafkaError) -> str:
    """A word for what keeps us from Kafka: `refused` when it is no use to wait, else `unreachable`."""
    return "refused" if error.code() in REFUSALS else "unreachable"


def error_of(failure: KafkaException) -> KafkaError:
    """What a failed request was answered."""
    error: KafkaError = failure.args[0]
    return error


def options_of(settings: Settings) -> dict[str, Any]:
    """How the brokers are reached, the password included: for this process and its child, never for a log."""
    options: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_brokers,
        "client.id": "flotilla",
        "security.protocol": settings.kafka_security_protocol.value,
        "reconnect.backoff.max.ms": 5000,
        "log.connection.close": False,
    }
    if settings.kafka_ca_file:
        options["ssl.ca.location"] = settings.kafka_ca_file
    if settings.kafka_username:
        options["sasl.mechanism"] = settings.kafka_sasl_mechanism.value
        options["sasl.username"] = settings.kafka_username
        options["sasl.password"] = settings.kafka_password.get_secret_value()
    return options
