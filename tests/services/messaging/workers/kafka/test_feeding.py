"""From the lane over the bot's topic to its program, and settled by the offset that the program commits."""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka import Message

from models import Bot, BotWorker
from services.fleet.workers.registry import worker_of
from services.fleet.workers.tokens import WorkerIdentity
from services.fleet.workers.views import describe_worker
from services.messaging.workers.giving import queue_of
from services.messaging.workers.kafka.feeding import Feeder
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.services.messaging.draining import letters
from tests.services.messaging.workers.kafka.conftest import QUICK, Program, say_to, texts, until
from tools.chaos.proxy import Proxy

ANA, BIA = 501, 502


def written(platform: Platform, worker: WorkerIdentity) -> dict[str, str]:
    """Where the updates stand in the topic, as Redis knows it."""
    found: Any = platform.redis.hgetall(work_keys.records(worker.bot_id))
    return dict(found)


def read(program: Program, count: int) -> list[Message]:
    """The next records for the program."""
    found: list[Message] = []
    until(lambda _: found.extend(program.read()), lambda: len(found) >= count)
    return found


def reason(platform: Platform, owner: Principal, bot: Bot) -> str:
    """What is said of the bot's worker."""
    return str(describe_worker(platform, *worker_of(platform, owner, bot.id))["status_reason"])


def test_a_chat_s_updates_stand_in_order_in_one_partition_and_count_as_lag_until_the_program_committed_them(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, program: Program
) -> None:
    say_to(platform, bot, (ANA, "one"), (ANA, "two"), (BIA, "uno"), (ANA, "three"))
    until(feeder.round, lambda: len(written(platform, worker)) == 4)
    records = read(program, 4)
    ana = [each for each in records if each.key() == str(ANA).encode()]
    assert texts(ana) == ["one", "two", "three"]
    assert len({each.partition() for each in ana}) == 1
    assert json.loads(ana[0].value() or b"")["bot_id"] == worker.public_id
    queue = queue_of(platform, worker)
    assert (queue.lag(), queue.last_seen()) == (4, None)
    program.commit(ana[1])
    there = [each for each in records if each.partition() == ana[1].partition()]
    passed = sum((each.offset() or 0) <= (ana[1].offset() or 0) for each in there)
    until(feeder.round, lambda: queue.lag() == 4 - passed)
    assert queue.last_seen() is not None
    program.commit(*records)
    until(feeder.round, lambda: queue.lag() == 0)
    assert written(platform, worker) == {}


def test_another_process_goes_on_with_what_is_written_and_writes_again_what_it_cannot_know_of(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, program: Program
) -> None:
    say_to(platform, bot, (ANA, "known"), (BIA, "unknown"))
    until(feeder.round, lambda: len(written(platform, worker)) == 2)
    records = read(program, 2)
    leases = {work.update: work.lease for work in queue_of(platform, worker).given_to("kafka")}
    lost = next(lease for update, lease in leases.items() if "unknown" in update)
    platform.redis.hdel(work_keys.records(worker.bot_id), lost)  # as after a crash before it was remembered
    following = Feeder(platform, QUICK)
    until(following.round, lambda: len(written(platform, worker)) == 2)
    again = read(program, 1)
    assert texts(again) == ["unknown"]
    program.commit(*records, *again)
    until(following.round, lambda: queue_of(platform, worker).lag() == 0)
    following.close()


def test_a_record_that_no_program_gets_past_is_given_up_after_five_lease_times_when_nobody_reads(
    platform: Platform,
    bot: Bot,
    worker: WorkerIdentity,
    owner: Principal,
    feeder: Feeder,
    program: Program,
) -> None:
    with platform.database.transaction() as session:
        session.get_one(BotWorker, bot.id).lease_seconds = 0
    say_to(platform, bot, (ANA, "poison"), (ANA, "two"))
    until(feeder.round, lambda: len(written(platform, worker)) == 2)
    for _ in range(5):
        feeder.round(0)  # nobody reads: nothing is counted, however long it takes
    assert {each.rpartition(":")[2] for each in written(platform, worker).values()} == {"0"}
    member = program.member()
    until(feeder.round, lambda: "stand still" in reason(platform, owner, bot))
    assert letters(platform) == []  # somebody holds it still
    assert texts(read(program, 2)) == ["poison", "two"]
    member.close()
    until(feeder.round, lambda: len(letters(platform)) == 1)
    (letter,) = letters(platform)
    assert (letter.kind, letter.bot_id, letter.attempts) == ("update", bot.id, 5)
    until(feeder.round, lambda: queue_of(platform, worker).lag() == 1)
    successor = Program(platform.settings, worker)
    (two,) = read(successor, 1)
    assert texts([two]) == ["two"]
    successor.commit(two)
    successor.close()
    until(feeder.round, lambda: queue_of(platform, worker).lag() == 0)
    assert len(letters(platform)) == 1
    assert "stand still" not in reason(platform, owner, bot)


def test_updates_wait_while_the_brokers_are_away_and_their_worker_says_so(
    platform: Platform,
    bot: Bot,
    worker: WorkerIdentity,
    owner: Principal,
    broker: Proxy,
    feeder: Feeder,
    program: Program,
) -> None:
    say_to(platform, bot, (ANA, "before"))
    until(feeder.round, lambda: len(written(platform, worker)) == 1)
    broker.cut()
    try:
        say_to(platform, bot, (ANA, "one"), (BIA, "uno"), (ANA, "two"), first=10)
        until(feeder.round, lambda: "Kafka does not answer" in reason(platform, owner, bot))
        assert queue_of(platform, worker).lag() == 4
    finally:
        broker.mend()
    until(feeder.round, lambda: len(written(platform, worker)) == 4)
    records = read(program, 4)
    assert texts([each for each in records if each.key() == str(ANA).encode()]) == ["before", "one", "two"]
    program.commit(*records)
    until(feeder.round, lambda: queue_of(platform, worker).lag() == 0)
    assert "Kafka" not in reason(platform, owner, bot)
    assert program.read() == []
