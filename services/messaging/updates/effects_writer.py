"""Writing what came of a lane's updates, in batches, for as long as its lease stands."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from redis import DataError, RedisError

from services.core.fault_injection import CrashPoint, crash_point_reached
from services.core.logs import bind
from services.messaging.updates.effects import Committer, Settled
from services.messaging.updates.queued_update import HandlerResult, QueuedUpdate
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.platform.redis.lease_renewer import HeldLease

logger = logging.getLogger(__name__)


class EffectsWriter:
    """Writes effects until they are in or the lease is lost. `done` lets the chats go on, `failed` fails one update.

    While Redis is away it tries again after the first of `backoff` seconds, doubled up to the second.
    """

    def __init__(
        self,
        platform: Platform,
        held: HeldLease,
        committer: Committer,
        done: Callable[[Iterable[QueuedUpdate]], None],
        failed: Callable[[QueuedUpdate, BaseException], None],
        backoff: tuple[float, float],
    ) -> None:
        self._platform = platform
        self._lease = held
        self._committer = committer
        self._done = done
        self._failed = failed
        self._backoff = backoff

    def write(self, batch: Sequence[tuple[QueuedUpdate, HandlerResult]]) -> None:
        """Write a batch in one step; what cannot be written of one update is that update's failure alone."""
        try:
            written = self._commit([_settled(queued, result) for queued, result in batch])
        except (ValueError, TypeError, DataError) as error:  # half a character in a text, for example
            self._write_apart(batch, error)
            return
        for queued, _ in batch:
            queued.settled = written
        self._done(queued for queued, _ in batch)

    def _write_apart(self, batch: Sequence[tuple[QueuedUpdate, HandlerResult]], error: Exception) -> None:
        """One of the batch is at fault: not the others. Nothing was written: it failed on its way to Redis."""
        if len(batch) > 1:
            for each in batch:
                self.write([each])
        else:
            queued = batch[0][0]
            with bind(request_id=queued.request_id, bot_id=queued.bot_id):
                self._failed(queued, error)

    def _commit(self, batch: list[Settled]) -> bool:
        """Whether it was written; not where the lane is somebody else's. Repeating is safe."""
        crash_point_reached(CrashPoint.DRAIN_BEFORE_COMMIT, self._platform.settings.crash_point)
        pause, longest = self._backoff
        while self._lease.alive:
            try:
                return self._after(self._committer.commit(batch))
            except DataError:  # the client refused to send it
                raise
            except RedisError as error:
                logger.warning("effects wait for Redis: %s", type(error).__name__)
                time.sleep(pause)
                pause = min(pause * 2, longest)
        return False

    def _after(self, shards: Sequence[int] | None) -> bool:
        """Ring for the outboxes that got something; None: the lane is somebody else's by now."""
        if shards is None:
            logger.warning("the lease of a lane was lost")
            self._lease.lost()
            return False
        for shard in shards:
            with suppress(RedisError):  # the reconciler rings again
                enqueue(self._platform.job_redis, JobName.DRAIN_OUTBOX, shard)
        return True


def _settled(queued: QueuedUpdate, result: HandlerResult) -> Settled:
    marked = bool(queued.attempts or queued.marks or queued.suspected)
    return Settled(queued.entry_id, queued.bot_id, queued.request_id, result, marked)
