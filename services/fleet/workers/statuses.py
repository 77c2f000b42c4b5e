"""What is to be said of a bot with a worker, and why."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from models import Bot, BotStatus, BotWorker
from services.core.i18n import NO_TEXT, Text
from services.core.kafka_settings import Transport
from services.core.worker_settings import WorkerDriver
from services.fleet.workers.copies import Copies, CopiesState, copies_of_all
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.heartbeats import lives

TROUBLES: Final = {
    "unreachable": Text("Kafka does not answer: updates wait here and nothing is lost"),
    "refused": Text("Kafka refuses what is needed for this bot; the log of the programs process says what"),
    "stuck": Text(
        "Records of its topic stand still: its program has not got past one five times. Stop its copies for a moment, then it becomes a dead letter"
    ),
}
BROUGHT: Final = Text("Its updates are brought to its program's webhook")
NOBODY_BRINGS: Final = Text(
    "Its program set a webhook, and no process `programs` runs here that would bring its updates"
)

NOBODY_STARTS: Final = Copies(
    0,
    CopiesState.FAILED,
    Text("This installation starts no programs: run it elsewhere, with its worker token"),
)
NOBODY_RUNS: Final = Copies(
    0, CopiesState.FAILED, Text("The programs process is not running: nothing starts it")
)
NO_TOKEN: Final = Copies(
    0, CopiesState.FAILED, Text("It has no token in force: make a new one and it is started")
)
SERVICE: Final = "programs"  # the process that starts programs, and serves those that do not ask over HTTP


class WorkerStatus(StrEnum):
    """What is known of a bot with a worker. RUNNING and SCALED_TO_ZERO are said of programs that are started here, EXTERNAL of
    those that run elsewhere.
    """

    CREATED = "created"
    EXTERNAL = "external"
    RUNNING = "running"
    SCALED_TO_ZERO = "scaled_to_zero"
    STOPPED = "stopped"
    FAILED = "failed"
    DELETING = "deleting"


OF_COPIES: Final = {
    CopiesState.RUNNING: WorkerStatus.RUNNING,
    CopiesState.ASLEEP: WorkerStatus.SCALED_TO_ZERO,
    CopiesState.FAILED: WorkerStatus.FAILED,
}


def status_of(bot: Bot, worker: BotWorker, copies: Copies | None) -> WorkerStatus:
    """What is known of a worker, `copies` being what is said of those started here; None when its program runs elsewhere."""
    if worker.ending_since is not None:
        return WorkerStatus.DELETING
    if not bot.desired_running:
        return WorkerStatus.STOPPED
    if bot.status == BotStatus.FAILED:
        return WorkerStatus.FAILED
    if bot.status == BotStatus.CREATED:
        return WorkerStatus.CREATED
    return WorkerStatus.EXTERNAL if copies is None else OF_COPIES[copies.state]


def started_copies(platform: Platform, workers: Sequence[BotWorker]) -> dict[int, Copies]:
    """What there is to say of copies that are started here, by bot; those whose program runs elsewhere are left out.

    Two round trips for all. Raises RedisError.
    """
    started = [worker for worker in workers if worker.command or worker.image]
    if not started:
        return {}
    if platform.settings.worker_driver is WorkerDriver.NONE:
        return dict.fromkeys((each.bot_id for each in started), NOBODY_STARTS)
    if not lives(platform, SERVICE):
        return dict.fromkeys((each.bot_id for each in started), NOBODY_RUNS)
    told = copies_of_all(platform.redis, [each.bot_id for each in started])
    return {
        each.bot_id: NO_TOKEN
        if each.token_hash is None and each.ending_since is None
        else told.get(each.bot_id, Copies())
        for each in started
    }


def _kafka_trouble(platform: Platform, worker: BotWorker) -> Text | None:
    """What keeps the bot's updates from its topic; None without Kafka, or when all is well."""
    if worker.transport != Transport.KAFKA:
        return None
    return TROUBLES.get(str(platform.redis.get(work_keys.kafka_trouble(worker.bot_id))))


def reason_of(
    platform: Platform,
    bot: Bot,
    worker: BotWorker,
    status: WorkerStatus,
    copies: Copies | None,
    seen: float | None,
) -> Text:
    """Why it is so, in words; `seen` is when a program last asked for work. Raises RedisError."""
    if bot.status == BotStatus.FAILED and status is WorkerStatus.FAILED:
        return bot.status_reason
    trouble = _kafka_trouble(platform, worker)
    if trouble is not None and status not in (WorkerStatus.STOPPED, WorkerStatus.DELETING):
        return trouble
    if status in OF_COPIES.values():
        return NO_TEXT if copies is None else copies.reason
    if status is not WorkerStatus.EXTERNAL:
        return NO_TEXT
    if worker.sealed_webhook_url:
        return BROUGHT if lives(platform, SERVICE) else NOBODY_BRINGS
    if seen is None and worker.transport == Transport.KAFKA:
        return Text("No program has read its topic yet")
    if seen is None:
        return Text("No program has asked for its updates yet: run one with its worker token")
    return Text("Its program runs elsewhere")
