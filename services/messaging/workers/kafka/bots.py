"""The bots whose programs read Kafka."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select

from models import Bot, BotWorker
from services.core.kafka_settings import Transport
from services.core.times import iso
from services.fleet.workers.tokens import IDENTITY, WorkerIdentity, identity_of
from services.platform.platform import Platform
from services.platform.redis import work_keys

MOST_PARTITIONS: Final = 100


@dataclass(frozen=True)
class KafkaBot:
    """A bot with topics. `since` tells a worker from a former one of the same bot, whose topics had the same names."""

    worker: WorkerIdentity
    partitions: int
    since: str

    @property
    def incoming(self) -> str:
        """The topic that its program reads."""
        return work_keys.incoming(self.worker.public_id)

    @property
    def outgoing(self) -> str:
        """The topic that its program writes to."""
        return work_keys.outgoing(self.worker.public_id)


def kafka_bots(platform: Platform) -> dict[int, KafkaBot]:
    """All bots whose program reads Kafka and whose end nobody asked for, by number."""
    query = (
        select(*IDENTITY, BotWorker.max_replicas, BotWorker.created_at)
        .join(BotWorker, BotWorker.bot_id == Bot.id)
        .where(BotWorker.transport == Transport.KAFKA, BotWorker.ending_since.is_(None))
    )
    with platform.database.reading() as session:
        return {row.id: _kafka_bot(row) for row in session.execute(query)}


def _kafka_bot(row: Row[*tuple[Any, ...]]) -> KafkaBot:
    return KafkaBot(identity_of(row), min(row.max_replicas, MOST_PARTITIONS), iso(row.created_at) or "")
