"""How a bot's updates reach its program: by what Redis carries, or over Kafka where the installation has one (ADR 46)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from services.core.errors import InvalidInput
from services.core.kafka_settings import Transport
from services.core.settings import Settings

CLIENT: Final = "confluent_kafka"  # the extra `kafka`


def chosen_transport(settings: Settings, asked: Transport | None) -> Transport:
    """The transport of a new worker, by the installation's choice unless its owner says it.

    Raises InvalidInput `kafka_not_configured` without KAFKA_BROKERS, `kafka_not_installed` without the client.
    """
    chosen = asked or settings.worker_transport
    if chosen is Transport.KAFKA and not settings.kafka_brokers:
        raise InvalidInput(
            "This installation has no Kafka: KAFKA_BROKERS is not set",
            code="kafka_not_configured",
            field="transport",
        )
    if chosen is Transport.KAFKA and not has_client():
        raise InvalidInput(
            "This installation cannot speak to Kafka: its extra `kafka` is not installed",
            code="kafka_not_installed",
            field="transport",
        )
    return chosen


def has_client() -> bool:
    """Whether the library that speaks to Kafka is installed."""
    return find_spec(CLIENT) is not None
