"""The program in docs/workers-over-kafka.md, as it stands there, with the environment that a program is given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from models import Bot, BotWorker
from services.fleet.workers.programs import environment_of
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.workers.giving import queue_of
from services.messaging.workers.kafka.feeding import Feeder
from services.messaging.workers.kafka.moving import Mover
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.services.messaging.draining import replies
from tests.services.messaging.workers.kafka.conftest import say_to, until

pytestmark = pytest.mark.skipif(find_spec("kafka") is None, reason="needs the wheel kafka-python")
PAGE = (Path(__file__).parents[5] / "docs" / "workers-over-kafka.md").read_text()
ANA = 501
# The library's defaults are for months of running; the broker of these tests has a group wait for half of the first.
HURRY = """from kafka import KafkaConsumer
KafkaConsumer.DEFAULT_CONFIG.update(session_timeout_ms=1000, heartbeat_interval_ms=300, auto_commit_interval_ms=100)
"""


@pytest.fixture
def program() -> str:
    """The text of the program."""
    (found,) = [
        each for each in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "KafkaConsumer" in each
    ]
    return str(found)


@pytest.fixture
def running(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, program: str
) -> Iterator[None]:
    """The program, started only after somebody has written to the bot: one that begins at the end must not miss it."""
    say_to(platform, bot, (ANA, "first"))
    until(feeder.round, lambda: platform.redis.hlen(work_keys.records(bot.id)) == 1)
    with platform.database.reading() as session:
        own = environment_of(platform, bot, session.get_one(BotWorker, bot.id))
    process = subprocess.Popen(
        [sys.executable, "-c", HURRY + program], env={"PATH": os.environ["PATH"], **own}
    )
    yield
    process.kill()
    process.wait(10)


@pytest.mark.usefixtures("running")
def test_a_program_of_the_replaced_platform_runs_unchanged(
    platform: Platform, bot: Bot, worker: WorkerIdentity, feeder: Feeder, mover: Mover
) -> None:
    say_to(platform, bot, (ANA, "second"), first=2)

    def both(patience: float) -> None:
        feeder.round(patience)
        mover.round(patience)

    until(both, lambda: len(replies(platform, bot)) == 2)
    assert [text for _, text in replies(platform, bot)] == ["You said: first", "You said: second"]
    until(both, lambda: queue_of(platform, worker).lag() == 0)
