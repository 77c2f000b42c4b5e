"""From the lane over the bot's topic to its program, and settled by the offset that the program commits."""

from __future__ import annotations

import json

from models import Bot
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.workers.giving import queue_of
from services.messaging.workers.kafka.feeding import Feeder
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.services.messaging.workers.kafka.conftest import Program, say_to, texts, until

ANA, BIA = 501, 502


def test_a_chat_s_updates_stand_in_order_in_one_partition_and_count_as_lag_until_the_program_committed_them(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, program: Program
) -> None:
    say_to(platform, bot, (ANA, "one"), (ANA, "two"), (BIA, "uno"), (ANA, "three"))
    records = until(feeder.round, lambda: len(written(platform, worker)) == 4) and program_read(program, 4)
    ana = [each for each in records if each.key() == str(ANA).encode()]
    assert texts(ana) == ["one", "two", "three"]
    assert len({each.partition() for each in ana}) == 1
    assert json.loads(ana[0].value() or b"")["bot_id"] == worker.public_id
    queue = queue_of(platform, worker)
    assert (queue.lag(), queue.last_seen()) == (4, None)
    program.commit(ana[1])
    behind = {each.offset() for each in records if each.partition() == ana[1].partition()}
    passed = sum(offset <= (ana[1].offset() or 0) for offset in behind)
    until(feeder.round, lambda: queue.lag() == 4 - passed)
    assert queue.last_seen() is not None
    program.commit(*records)
    until(feeder.round, lambda: queue.lag() == 0)
    assert written(platform, worker) == {}


def written(platform: Platform, worker: WorkerIdentity) -> dict[str, str]:
    """What Redis knows of the topic."""
    return dict(platform.redis.hgetall(work_keys.records(worker.bot_id)))


def program_read(program: Program, count: int) -> list:
    found: list = []
    until(lambda _: found.extend(program.read()), lambda: len(found) >= count)
    return found
