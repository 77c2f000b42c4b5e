"""Giving a bot's updates to its worker: what may be taken now, waited for if need be; what was in vain too often is given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.alerts.dead_letters.replay_id import replay_of
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.update_letters import UpdateLetters
from services.messaging.workers.waiting import LOOK_SECONDS, WorkBell
from services.platform.platform import Platform
from services.platform.token_encryption import load_opened
from services.queueing.work_queue import MOST_DELIVERIES, Work, WorkCall, WorkQueue

CONSUMER: Final = "http"
MOST_AT_ONCE: Final = 100
SILENT: Final = "The worker took the update {times} times and answered none of them"


@dataclass(frozen=True)
class Given:
    """An update for a program, tokens opened. `lease` is what it answers by, until `deadline_seconds` from now."""

    work: Work
    update: dict[str, Any]


class WorkGiver:
    """Gives work to the programs that ask one process."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._bell = WorkBell(platform.blocking_redis)
        self._letters = UpdateLetters(platform)

    def take(
        self,
        worker: WorkerIdentity,
        *,
        most: int,
        wait_seconds: float,
        consumer: str = CONSUMER,
        has_left: Callable[[], bool] = lambda: False,
    ) -> list[Given]:
        """Up to `most` updates, one of each chat in order; waits for the first for `wait_seconds` at most.

        A program that `has_left` while it waited gets none: they would lie with nobody until their lease has run out. Raises RedisError, and Unavailable while the database is away and something is to be given up.
        """
        if wait_seconds <= 0:
            return [] if has_left() else self._take(worker, most, consumer)
        deadline = time.monotonic() + wait_seconds
        with self._bell.listening(worker.bot_id) as heard:
            while not has_left():
                given = self._take(worker, most, consumer)
                left = deadline - time.monotonic()
                if given or heard is None or left <= 0:
                    return given
                heard.wait(min(left, LOOK_SECONDS))
                heard.clear()
        return []

    def give_up(self, worker: WorkerIdentity, work: Work, error: str, where: str) -> bool:
        """Make an update a dead letter and let its chat go on; False when nobody holds it any more. Raises Unavailable."""
        queued = QueuedUpdate(
            work.lease, worker.bot_id, work.chat, work.request_id, work.update, attempts=work.attempt + 1
        )
        self._letters.store(queued, error, where)
        return settle(self._platform, worker, work, ()) is not None

    def _take(self, worker: WorkerIdentity, most: int, consumer: str) -> list[Given]:
        queue = queue_of(self._platform, worker)
        taken, exhausted = queue.take(consumer, most, worker.lease_seconds)
        for work in exhausted:
            self.give_up(worker, work, SILENT.format(times=MOST_DELIVERIES), "worker: no answer")
        return [Given(work, self._opened(worker, work)) for work in taken]

    def _opened(self, worker: WorkerIdentity, work: Work) -> dict[str, Any]:
        update: dict[str, Any] = load_opened(self._platform.vault, work.update, worker.bot_id)
        return update


def queue_of(platform: Platform, worker: WorkerIdentity) -> WorkQueue:
    """The queue of the worker's bot."""
    return WorkQueue(platform.redis, worker.bot_id, worker.public_id)


def settle(
    platform: Platform, worker: WorkerIdentity, work: Work, calls: Sequence[WorkCall]
) -> list[int] | None:
    """Be done with an update; the shards of outboxes to ring, None when nobody holds it. Raises RedisError."""
    shard, replay = worker.bot_id % platform.settings.update_lanes, replay_of(work.request_id, "update")
    return queue_of(platform, worker).settle(work, calls, shard, replay)
