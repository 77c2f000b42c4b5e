"""Sending what waits in one shard's outboxes: chats side by side, each in order, none faster than it may.

Nothing sleeps on a 429: the message stays, its chat or bot is marked as waiting, and when only waiting ones are left
the drain leaves and the reconciler rings when the first may go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from redis import RedisError

from services.core.logs import bind
from services.messaging.outbox.journal import Journal
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.pacing import Limits, Pacing
from services.messaging.outbox.send_history import restore
from services.messaging.outbox.sending import Disposition, Sender, SendResult
from services.messaging.outbox.store import ALL_CHATS, OutboxStore
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue, has_jobs
from services.platform.redis.lease_renewer import HeldLease, LeaseRenewer
from services.queueing.fair_queue import FairQueue, Wait
from services.queueing.greenlet_pool import BatchWriter, GreenletPool

logger = logging.getLogger(__name__)
WINDOW = 256  # messages of one bot and priority in memory: at 30 a second several seconds' worth
SETTLE_AT_ONCE = 256
IDLE_TIMEOUT_SECONDS = (
    5.0  # an idle drain waits so long for more: cheaper than a job per message at low rates
)
READ_TIMEOUT_SECONDS = 2.5  # how soon a waiting reader sees a stop
BATCH_DELAY_SECONDS = (
    0.006  # between two reads of a busy shard: one that brings a single entry costs as much as one of ten
)
REFILL_INTERVAL_SECONDS = 0.25  # how soon room in a full window is noticed
UNLOAD_AFTER_SECONDS = 10.0
FLOOD_SECONDS = 5.0  # two chats flooded within so long: the whole bot waits
SHUTDOWN_TIMEOUT_SECONDS = 12.0
ERROR_BACKOFF_SECONDS = 0.2  # between attempts to reach Redis
MAX_STAY_SECONDS = 600.0  # then the job ends and rings again, long before RQ's limit for it


class PacingGate:
    """Says of each message whether it may go now: 429 pauses first, then the buckets, which count messages only."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._paused: dict[tuple[int, str], float] = {}  # until, on the monotonic clock

    def pause(self, bot_id: int, chat: str, until: float) -> None:
        """Let nothing pass for the chat, or for ALL_CHATS of the bot, before `until`."""
        self._paused[bot_id, chat] = max(until, self._paused.get((bot_id, chat), 0.0))

    def __call__(self, message: OutboxMessage, now: float) -> Wait | None:
        """None when the message may go, and is counted; else until when it waits."""
        bot_until = self._until(message.bot_id, ALL_CHATS, now)
        if bot_until > now:
            return Wait(bot_until, whole_bot=True)
        chat_until = self._until(message.bot_id, message.chat, now)
        if chat_until > now:
            return Wait(chat_until)
        if not message.is_message:
            return None
        chat_until = self._pacing.chat_ready_at(message.bot_id, message.chat, now)
        if chat_until > now:
            return Wait(chat_until)
        bot_until = self._pacing.bot_ready_at(message.bot_id, now)
        if bot_until > now:
            return Wait(bot_until, whole_bot=True)
        self._pacing.take(message.bot_id, message.chat, now)
        message.counted_at = time.time()
        return None

    def _until(self, bot_id: int, chat: str, now: float) -> float:
        until = self._paused.get((bot_id, chat), 0.0)
        if until and until <= now:
            del self._paused[bot_id, chat]
        return until


class OutboxConsumer:
    """One stay in one shard, from taking its lease to leaving it. Use once: `OutboxConsumer(…).run()`."""

    def __init__(
        self, platform: Platform, sender: Sender, held: HeldLease, shard: int, stopping: threading.Event
    ) -> None:
        self._platform = platform
        self._sender = sender
        self._lease = held
        self._shard = shard
        self._stopping = stopping
        self._ends = time.monotonic() + MAX_STAY_SECONDS
        limits = Limits.of(platform.settings)
        self._pacing = Pacing(limits)
        self._gate = PacingGate(self._pacing)
        self._store = OutboxStore(platform.redis, platform.blocking_redis, platform.vault, limits, shard)
        largest = platform.settings.send_concurrency
        self._journal = Journal(platform.redis, shard, held.lease.token)
        self._pool = GreenletPool(
            FairQueue[OutboxMessage](per_bot=largest, gate=self._gate),
            self._send,
            lambda: self._running,
            largest=largest,
            name=f"send-{shard}",
        )
        self._results: BatchWriter[OutboxMessage] = BatchWriter(
            self._settle, largest=SETTLE_AT_ONCE, name=f"settle-{shard}"
        )
        self._loaded: dict[tuple[int, int], int] = {}  # (bot, rank) -> messages in memory
        self._used: dict[int, float] = {}  # bot -> when it last had something
        self._flooded: dict[int, tuple[str, float]] = {}  # bot -> chat and moment of its last 429
        self._counting = threading.Lock()

    def run(self) -> None:
        """Drain until nothing can be sent for a while, the process stops, or the lease is lost."""
        left = False
        try:
            bots = self._store.begin()
            restore(self._pacing, self._store.sent, now=time.monotonic(), epoch=time.time())
            self._load(bots)
            left = self._read_for_ever()
        finally:
            self._pool.end(SHUTDOWN_TIMEOUT_SECONDS)
            self._results.end(2.0)
            if not left and self._lease.alive:
                self._hand_back()

    # Reading

    def _read_for_ever(self) -> bool:
        quiet_since = time.monotonic()
        while self._running:
            if self._read():
                quiet_since = time.monotonic()
                time.sleep(BATCH_DELAY_SECONDS)
            now = time.monotonic()
            if not self._pool.is_quiet or self._pool.waits_at_most(IDLE_TIMEOUT_SECONDS):
                quiet_since = now
            if now - quiet_since >= IDLE_TIMEOUT_SECONDS or (
                now > quiet_since and self._others_wait(now, quiet_since)
            ):
                if self._store.release(self._lease.lease.token, self._wakes()):
                    return True
                quiet_since = now
            self._unload(now)
        return False

    @property
    def _running(self) -> bool:
        return self._lease.alive and not self._stopping.is_set() and time.monotonic() < self._ends

    def _read(self) -> int:
        """How much news was read; -1 while Redis is away: as long as the lease stands, its return is awaited."""
        wanted = [
            (bot, rank)
            for bot in self._store.bots
            for rank in range(len(keys.OUTBOX_PRIORITIES))
            if self._loaded.get((bot, rank), 0) < WINDOW
        ]
        full = len(wanted) < len(self._store.bots) * len(keys.OUTBOX_PRIORITIES)
        try:
            messages, woken = self._store.read(
                wanted, REFILL_INTERVAL_SECONDS if full else READ_TIMEOUT_SECONDS
            )
        except RedisError as error:
            logger.debug("shard %d cannot be read: %s", self._shard, type(error).__name__)
            time.sleep(ERROR_BACKOFF_SECONDS)
            return -1
        self._load(woken)
        now = time.monotonic()
        with self._counting:
            for message in messages:
                self._loaded[message.bot_id, message.rank] = (
                    self._loaded.get((message.bot_id, message.rank), 0) + 1
                )
                self._used[message.bot_id] = now
        self._pool.add(messages)
        return len(messages) + len(woken)

    def _load(self, bots: Sequence[int] | set[int]) -> None:
        now, epoch = time.monotonic(), time.time()
        for (bot, chat), until in self._store.load(bots).items():
            self._gate.pause(bot, chat, now + until - epoch)
        self._used.update(dict.fromkeys(bots, now))

    def _unload(self, now: float) -> None:
        idle = [
            bot
            for bot, used in self._used.items()
            if now - used > UNLOAD_AFTER_SECONDS and bot in self._store.bots and not self._pool.size_of(bot)
        ]
        if idle:
            self._store.unload(idle)
            self._used.update({bot: now for bot in idle if bot in self._store.bots})
            for bot in idle:
                if bot not in self._store.bots:
                    del self._used[bot]

    def _others_wait(self, now: float, quiet_since: float) -> bool:
        """Whether other shards wait for a free worker, as happens with fewer workers than shards."""
        settings = self._platform.settings
        crowded = (
            settings.outbound_workers < settings.update_lanes and now - quiet_since > REFILL_INTERVAL_SECONDS
        )
        return crowded and has_jobs(self._platform.redis, JobQueue.OUTBOUND)

    # Sending

    def _send(self, message: OutboxMessage) -> None:
        with bind(request_id=message.request_id, bot_id=message.bot_id):
            if not self._lease.alive:  # somebody else sends for this bot now
                self._pool.retry(message, 0.0)
                return
            verdict = self._sender.send(message, self._journal.mark_in_flight)
            if verdict.after is Disposition.SETTLED:
                self._results.put(message)
            else:
                self._wait(message, verdict)

    def _wait(self, message: OutboxMessage, verdict: SendResult) -> None:
        now = time.monotonic()
        scope = self._scope(message, verdict, now)
        if scope:
            self._gate.pause(message.bot_id, scope, now + verdict.delay)
        with suppress(RedisError):  # then a restart forgets the pause, and Telegram says it again
            if verdict.after is Disposition.FLOODED:
                self._store.pause(message.bot_id, scope, verdict.delay)
            # Left on record if Redis is away: then a crash parks what it could have sent.
            if message.in_flight and not message.may_have_arrived:
                self._journal.clear(message)
            if verdict.counts:
                self._store.count_attempts(message)
        self._pool.retry(message, verdict.delay)

    def _scope(self, message: OutboxMessage, verdict: SendResult, now: float) -> str:
        """What waits beside the message. A 429: its chat; a second chat within five seconds shows that it is the bot."""
        if verdict.after is not Disposition.FLOODED:
            return ALL_CHATS if verdict.after is Disposition.BOT_WAITS else ""
        last_chat, last_at = self._flooded.get(message.bot_id, ("", 0.0))
        self._flooded[message.bot_id] = (message.chat, now)
        whole_bot = last_chat not in ("", message.chat) and now - last_at <= FLOOD_SECONDS
        logger.warning("429: %s waits %.0f s", "the bot" if whole_bot else "the chat", verdict.delay)
        return ALL_CHATS if whole_bot else message.chat

    def _settle(self, batch: Sequence[OutboxMessage]) -> None:
        while True:
            try:
                self._store.settle(batch)
                break
            except RedisError as error:
                logger.warning("sent messages wait to be deleted: %s", type(error).__name__)
                if not self._lease.alive:  # whoever comes next sends them again: at least once
                    break
                time.sleep(ERROR_BACKOFF_SECONDS)
        with self._counting:
            for message in batch:
                self._loaded[message.bot_id, message.rank] -= 1
        self._pool.done(batch)

    # Leaving

    def _wakes(self) -> dict[int, float]:
        """When each bot with waiting messages may go on, in epoch seconds."""
        shift = time.time() - time.monotonic()
        return {bot: moment + shift for bot, moment in self._pool.wakes().items()}

    def _hand_back(self) -> None:
        with suppress(RedisError):
            self._lease.release()
            if self._store.bots:
                enqueue(self._platform.job_redis, JobName.DRAIN_OUTBOX, self._shard)


def consume_outbox(
    platform: Platform, sender: Sender, leases: LeaseRenewer, shard: int, stopping: threading.Event
) -> bool:
    """Send what waits in one shard until nothing is left for a while; False when somebody else is at it."""
    held = leases.take(f"outbox:{shard}")
    if held is None:
        # It may be a dead man's: let the reconciler ring as soon as his lease has run out.
        platform.redis.delete(keys.wakeup("outbox", shard))
        return False
    try:
        OutboxConsumer(platform, sender, held, shard, stopping).run()
    finally:
        held.release()
    return True
