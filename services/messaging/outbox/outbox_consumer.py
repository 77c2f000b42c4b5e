"""Sending what waits in one shard's outboxes: chats side by side, each in order, none faster than it may.

Nothing sleeps on a 429: the message stays, its chat or bot is marked as waiting, and when only waiting ones are left
the consumer leaves and the reconciler rings when the first may go on. One greenlet reads (`OutboxConsumer`), some send
(`OutboxWorker`), others settle (`Settler`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from redis import RedisError

from services.messaging.outbox.outbox_worker import OutboxWorker
from services.messaging.outbox.pacing import Limits, Pacing
from services.messaging.outbox.pacing_gate import PacingGate
from services.messaging.outbox.send_history import restore
from services.messaging.outbox.sending import Sender
from services.messaging.outbox.shard_window import RANKS, ShardWindow
from services.messaging.outbox.store import OutboxStore
from services.messaging.outbox.timings import OutboxTimings
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, JobQueue, enqueue, waiting_jobs
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.shared_reads import SharedReads
from services.queueing.stay import Stay

logger = logging.getLogger(__name__)
REFILL_INTERVAL_SECONDS = 0.25  # how soon room in a full window is noticed
ERROR_BACKOFF_SECONDS = 0.2  # between attempts to reach Redis


@dataclass(frozen=True)
class ShardProcess:
    """What the consumers of one process share."""

    platform: Platform
    sender: Sender
    reads: SharedReads
    stopping: threading.Event
    timings: OutboxTimings


class OutboxConsumer:
    """One stay in one shard, from taking its lease to leaving it. Use once: `OutboxConsumer(…).run()`."""

    def __init__(self, process: ShardProcess, held: HeldLease, shard: int) -> None:
        platform, sender, timings = process.platform, process.sender, process.timings
        self._platform = platform
        self._sender = sender
        self._lease = held
        self._shard = shard
        self._stopping = process.stopping
        self._timings = timings
        self._leaving = False  # nothing is taken up any more, whatever becomes of a wish for the lease
        self._stay = Stay(held, timings.max_stay)
        limits = Limits.of(platform.settings)
        self._pacing = Pacing(limits)
        self._gate = PacingGate(self._pacing, sender.turns, platform.switches, timings.bulk_look)
        self._window = ShardWindow()
        self._store = OutboxStore(platform.redis, process.reads, platform.vault, limits, shard)
        self._worker = OutboxWorker(
            platform, sender, held, shard, self._store, self._gate, self._window, lambda: self._takes
        )
        self._pool = self._worker.pool

    def run(self) -> None:
        """Drain until nothing can be sent for a while, the process stops, or the lease is lost."""
        left = False
        try:
            bots = self._store.begin()
            restore(self._pacing, self._store.sent, now=time.monotonic(), epoch=time.time())
            self._load(bots)
            left = self._read_for_ever()
        finally:
            self._leaving = True  # the shard is left with all that is taken up
            self._worker.end(self._timings.shutdown_timeout if self._lease.alive else 0.0)
            if not left and self._lease.alive:
                self._hand_back()

    @property
    def _running(self) -> bool:
        return self._lease.alive and not self._stopping.is_set()

    @property
    def _takes(self) -> bool:
        return self._running and not self._leaving and not self._stay.wanted_back

    def _read_for_ever(self) -> bool:
        """Read and hand out; True when the shard was left, False when it is to be handed back."""
        quiet_since = time.monotonic()
        while self._running:
            if self._stay.is_over or (self._stay.wanted_back and not self._pool.running):
                self._leaving = True
                return False
            if self._read():
                quiet_since = time.monotonic()
            now = time.monotonic()
            if not self._pool.is_quiet or self._pool.waits_at_most(self._timings.idle_timeout):
                quiet_since = now
            if self._may_leave(now - quiet_since):
                if self._store.release(self._lease.lease.token, self._wakes()):
                    return True
                quiet_since = now
                # A wake may have gone by unread: their stream keeps the last thousand.
                self._load(self._store.begin() - self._store.bots)
            self._unload()
        return False

    def _read(self) -> int:
        """How much news was read; -1 while Redis is away: as long as the lease stands, its return is awaited."""
        room = self._window.room(self._store.bots)
        full = len(room) < len(self._store.bots) * len(RANKS)
        try:
            messages, woken = self._store.read(
                room,
                REFILL_INTERVAL_SECONDS if full or self._stay.wanted_back else self._timings.read_timeout,
            )
        except RedisError as error:
            logger.debug("shard %d cannot be read: %s", self._shard, type(error).__name__)
            time.sleep(ERROR_BACKOFF_SECONDS)
            return -1
        self._load(woken)
        self._sender.expect(message.bot_id for message in messages)
        self._window.add(messages)
        self._pool.add(messages)
        return len(messages) + len(woken)

    def _load(self, bots: Collection[int]) -> None:
        now, epoch = time.monotonic(), time.time()
        for (bot, chat), until in self._store.load(bots).items():
            self._gate.pause(bot, chat, now + until - epoch)
        self._window.touch(bots)

    def _unload(self) -> None:
        """Read the outboxes of idle bots no more, but where something came in meanwhile."""
        idle = [bot for bot in self._window.idle() if bot in self._store.bots and not self._pool.size_of(bot)]
        if idle:
            self._store.unload(idle)
            self._window.touch(bot for bot in idle if bot in self._store.bots)
            self._window.forget(bot for bot in idle if bot not in self._store.bots)

    def _may_leave(self, quiet_seconds: float) -> bool:
        """After a quiet while; sooner if other shards wait for a free worker, as with fewer workers than shards."""
        if quiet_seconds >= self._timings.idle_timeout:
            return True
        settings = self._platform.settings
        crowded = settings.outbound_workers < settings.update_lanes
        return (
            crowded
            and quiet_seconds > REFILL_INTERVAL_SECONDS
            and waiting_jobs(self._platform.redis, JobQueue.OUTBOUND) > 0
        )

    def _wakes(self) -> dict[int, float]:
        """When each bot with waiting messages may go on, in epoch seconds."""
        shift = time.time() - time.monotonic()
        return {bot: moment + shift for bot, moment in self._pool.wakes().items()}

    def _hand_back(self) -> None:
        with suppress(RedisError):
            self._lease.release()
            if self._store.bots:
                enqueue(self._platform.job_redis, JobName.DRAIN_OUTBOX, self._shard)
