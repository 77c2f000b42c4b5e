"""Settings of the brokers of Kafka, for bots whose programs read it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, SecretStr, model_validator

from services.core.setting_types import SettingsPart


class Transport(StrEnum):
    """How a bot's updates reach its program: REDIS stands for streams, HTTP and the Bot API facade, which need no choice."""

    REDIS = "redis"
    KAFKA = "kafka"


class KafkaSecurity(StrEnum):
    """How brokers are spoken to, by the names of Kafka's `security.protocol`."""

    PLAINTEXT = "plaintext"
    SSL = "ssl"
    SASL_PLAINTEXT = "sasl_plaintext"
    SASL_SSL = "sasl_ssl"


class KafkaMechanism(StrEnum):
    """How we say to brokers who we are, by the names of Kafka's `sasl.mechanism`."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class KafkaSettings(SettingsPart):
    """A part of `Settings`."""

    worker_transport: Transport = Field(
        Transport.REDIS,
        description="`redis` or `kafka`: how programs get their updates whose registration does not say it; `kafka` for an "
        "installation whose programs know nothing else",
    )
    kafka_brokers: str = Field(
        "",
        pattern=r"^$|^[^\s,:]+:[0-9]{1,5}(,[^\s,:]+:[0-9]{1,5})*$",
        description="`host:port`, comma-separated, for bots whose programs read Kafka; empty means there is none",
    )
    kafka_security_protocol: KafkaSecurity = Field(
        KafkaSecurity.PLAINTEXT,
        description="how the brokers are spoken to: `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`",
    )
    kafka_sasl_mechanism: KafkaMechanism = Field(
        KafkaMechanism.SCRAM_SHA_512,
        description="with `sasl_…`: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`",
    )
    kafka_username: str = Field("", description="with `sasl_…`: who this installation is to the brokers")
    kafka_password: SecretStr = Field(SecretStr(""), description="with `sasl_…`: its password")
    kafka_ca_file: str = Field(
        "",
        description="with `ssl`: file with the authorities that the brokers' certificates are checked against; empty means those of the system",
    )
    kafka_replication: int = Field(
        -1,
        ge=-1,
        le=9,
        description="copies of each topic of a bot among the brokers; -1 = as the brokers do by default",
    )

    @model_validator(mode="after")
    def _kafka_is_whole(self) -> Self:
        if self.worker_transport is Transport.KAFKA and not self.kafka_brokers:
            raise ValueError("WORKER_TRANSPORT=kafka needs KAFKA_BROKERS")
        if self.kafka_security_protocol.startswith("sasl") and not (
            self.kafka_username and self.kafka_password.get_secret_value()
        ):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs KAFKA_USERNAME and KAFKA_PASSWORD"
            )
        return self
