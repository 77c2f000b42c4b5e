"""What becomes of a message that was sent: it leaves its outbox, and its answer goes to whoever waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from redis import RedisError

from services.messaging.inbox.history import AFTERWARDS_SECONDS, MessageHistory
from services.messaging.inbox.outgoing import is_answer
from services.messaging.outbox.handing_over import hand_over
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.send_window import ShardSends
from services.messaging.outbox.store import OutboxStore
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.greenlet_pool import BatchWriter

logger = logging.getLogger(__name__)
AT_ONCE: Final = 256
GATHER_SECONDS: Final = 0.02  # outcomes of a broadcast, whose messages leave one by one
DRAIN_SECONDS: Final = 3.0  # that a stay waits at its end
CLOSE_SECONDS: Final = 180.0  # an upload of two minutes, and AFTERWARDS_SECONDS
LOOK_SECONDS: Final = 1.0  # between two looks whether anything is under way
BACKOFF_SECONDS: Final = 0.2  # between attempts to reach Redis


class Settler:
    """Settles the messages of one stay in a shard, in batches and beside the sending; `done` gets those that are through.

    That needs no lease: what was sent is taken out, whoever else takes it out as well. Whoever lost the shard because Redis was
    silent goes on for AFTERWARDS_SECONDS from the first failure on: the shard's next holder sends again what it still finds (at
    least once).
    """

    def __init__(
        self,
        platform: Platform,
        held: HeldLease,
        shard: int,
        store: OutboxStore,
        sends: ShardSends,
        done: Callable[[Sequence[OutboxMessage]], None],
    ) -> None:
        self._redis, self._job_redis, self._vault = platform.redis, platform.job_redis, platform.vault
        self._lanes = platform.settings.update_lanes
        self._lease = held
        self._store = store
        self._sends = sends
        self._done = done
        self._gives_up_at: float | None = None  # once settling has failed without the shard; monotonic
        self._results: BatchWriter[OutboxMessage] = BatchWriter(
            self._settle, largest=AT_ONCE, name=f"settle-{shard}"
        )
        self._outcomes: BatchWriter[OutboxMessage] = BatchWriter(
            self._settle, largest=AT_ONCE, name=f"outcomes-{shard}", gather=GATHER_SECONDS
        )
        self._history = MessageHistory(platform, self.put, lambda: held.alive)

    def put(self, message: OutboxMessage) -> None:
        """Have it settled soon."""
        (self._outcomes if message.broadcast_id else self._results).put(message)

    def drain(self) -> None:
        """Wait for what is being settled, some seconds at most."""
        until = time.monotonic() + DRAIN_SECONDS
        for drain in (self._outcomes.drain, self._results.drain, self._history.drain, self._results.drain):
            drain(max(0.0, until - time.monotonic()))  # an operator's answer comes back from the history

    def close(self, under_way: Callable[[], int]) -> None:
        """The stay is over. What is `under_way` yet, sent and not settled or on its way to Telegram, is settled afterwards,
        unless the process ends.
        """
        if under_way():
            closing = threading.Thread(target=self._end_after, args=[under_way], daemon=True)
            closing.start()
        else:
            self._end()

    def _end_after(self, under_way: Callable[[], int]) -> None:
        until = time.monotonic() + CLOSE_SECONDS
        while under_way() and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
        self._end()

    def _end(self) -> None:
        self._outcomes.end(DRAIN_SECONDS)
        self._results.end(DRAIN_SECONDS)
        self._history.end()  # the last: it takes from both

    def _settle(self, batch: Sequence[OutboxMessage]) -> None:
        """What nobody waits for first: it makes room in a Redis that is full, where an answer needs some."""
        leaving = self._history.split(batch)
        self._sends.leave_those_not_in(leaving, batch)
        self._delete([message for message in leaving if message.answer is None or is_answer(message)])
        answered = [message for message in leaving if message.answer is not None and not is_answer(message)]
        if answered:
            self._hand_over(answered)

    def _hand_over(self, answered: Sequence[OutboxMessage]) -> None:
        """Bring answers to those who wait for them."""
        try:
            for lane in hand_over(self._redis, self._vault, answered, self._lanes):
                with suppress(RedisError):  # the reconciler rings again
                    enqueue(self._job_redis, JobName.DRAIN_LANE, lane)
        except RedisError as error:
            if not self._may_try_again(error, "answers wait to be handed over"):
                self._done(answered)
                return
            self._sends.leave(answered)
            time.sleep(BACKOFF_SECONDS)
            for message in answered:  # behind what has come in meanwhile
                self._results.put(message)
        else:
            self._delete(answered)

    def _delete(self, batch: Sequence[OutboxMessage]) -> None:
        while batch:
            try:
                self._store.settle(batch)
                break
            except RedisError as error:
                if not self._may_try_again(error, "sent messages wait to be deleted"):
                    break
                time.sleep(BACKOFF_SECONDS)
        self._done(batch)

    def _may_try_again(self, error: RedisError, what: str) -> bool:
        if self._lease.alive:
            logger.warning("%s: %s", what, type(error).__name__)
            return True
        if self._gives_up_at is None:
            self._gives_up_at = time.monotonic() + AFTERWARDS_SECONDS
            logger.warning("the shard was lost, %s: %s", what, type(error).__name__)
        if time.monotonic() < self._gives_up_at:
            return True
        logger.error("%s in vain: %s", what, type(error).__name__)
        return False
