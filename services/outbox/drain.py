"""Sending what waits in one shard's outboxes (O1, O2): chats side by side, each in order, none faster than it may.

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

from services.logs import bind
from services.outbox.journal import Journal
from services.outbox.outgoing import PRIORITIES, Outgoing
from services.outbox.pacing import Limits, Pacing
from services.outbox.recent import restore
from services.outbox.sending import After, Sending, Verdict
from services.outbox.shelf import ALL_CHATS, Shelf
from services.platform import Platform
from services.redis import keys
from services.redis.jobs import JobName, JobQueue, enqueue, has_jobs
from services.redis.keeper import Holding, LeaseKeeper
from services.updates.crew import Batches, Crew
from services.updates.fairness import FairQueue, Wait

logger = logging.getLogger(__name__)
WINDOW = 256  # messages of one bot and priority in memory: at 30 a second several seconds' worth
SETTLE_AT_ONCE = 256
LINGER_SECONDS = 5.0  # an idle drain waits so long for more: cheaper than a job per message at low rates
LOOK_SECONDS = 2.5  # how soon a waiting reader sees a stop
GATHER_SECONDS = (
    0.006  # between two reads of a busy shard: one that brings a single entry costs as much as one of ten
)
REFILL_SECONDS = 0.25  # how soon room in a full window is noticed
RETIRE_SECONDS = 10.0
FLOOD_SECONDS = 5.0  # two chats flooded within so long: the whole bot waits (O2)
STOP_SECONDS = 12.0
AWAY_SECONDS = 0.2  # between attempts to reach Redis
LONGEST_SECONDS = 600.0  # then the job ends and rings again, long before RQ's limit for it


class Gate:
    """Says of each message whether it may go now: 429 pauses first, then the buckets, which count messages only."""

    def __init__(self, pacing: Pacing) -> None:
        self._pacing = pacing
        self._paused: dict[tuple[int, str], float] = {}  # until, on the monotonic clock

    def pause(self, bot_id: int, chat: str, until: float) -> None:
        """Let nothing pass for the chat, or for ALL_CHATS of the bot, before `until`."""
        self._paused[bot_id, chat] = max(until, self._paused.get((bot_id, chat), 0.0))

    def __call__(self, message: Outgoing, now: float) -> Wait | None:
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


class OutboxDrain:
    """One stay in one shard, from taking its lease to leaving it. Use once: `OutboxDrain(…).run()`."""

    def __init__(
        self, platform: Platform, sending: Sending, holding: Holding, shard: int, stopping: threading.Event
    ) -> None:
        self._platform = platform
        self._sending = sending
        self._holding = holding
        self._shard = shard
        self._stopping = stopping
        self._ends = time.monotonic() + LONGEST_SECONDS
        limits = Limits.of(platform.settings)
        self._pacing = Pacing(limits)
        self._gate = Gate(self._pacing)
        self._shelf = Shelf(platform.redis, platform.blocking_redis, platform.vault, limits, shard)
        largest = platform.settings.send_concurrency
        self._journal = Journal(platform.redis, shard, holding.lease.token)
        self._crew = Crew(
            FairQueue[Outgoing](per_bot=largest, gate=self._gate),
            self._send,
            lambda: self._going,
            largest=largest,
            name=f"send-{shard}",
        )
        self._settled: Batches[Outgoing] = Batches(
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
            bots = self._shelf.begin()
            restore(self._pacing, self._shelf.sent, now=time.monotonic(), epoch=time.time())
            self._adopt(bots)
            left = self._read_for_ever()
        finally:
            self._crew.end(STOP_SECONDS)
            self._settled.end(2.0)
            if not left and self._holding.alive:
                self._hand_back()

    # Reading

    def _read_for_ever(self) -> bool:
        quiet_since = time.monotonic()
        while self._going:
            if self._read():
                quiet_since = time.monotonic()
                time.sleep(GATHER_SECONDS)
            now = time.monotonic()
            if not self._crew.is_quiet or self._crew.waits_at_most(LINGER_SECONDS):
                quiet_since = now
            if now - quiet_since >= LINGER_SECONDS or (
                now > quiet_since and self._others_wait(now, quiet_since)
            ):
                if self._shelf.leave(self._holding.lease.token, self._wakes()):
                    return True
                quiet_since = now
            self._retire(now)
        return False

    @property
    def _going(self) -> bool:
        return self._holding.alive and not self._stopping.is_set() and time.monotonic() < self._ends

    def _read(self) -> int:
        """How much news was read; -1 while Redis is away: as long as the lease stands, its return is awaited."""
        wanted = [
            (bot, rank)
            for bot in self._shelf.bots
            for rank in range(len(PRIORITIES))
            if self._loaded.get((bot, rank), 0) < WINDOW
        ]
        full = len(wanted) < len(self._shelf.bots) * len(PRIORITIES)
        try:
            messages, woken = self._shelf.read(wanted, REFILL_SECONDS if full else LOOK_SECONDS)
        except RedisError as error:
            logger.debug("shard %d cannot be read: %s", self._shard, type(error).__name__)
            time.sleep(AWAY_SECONDS)
            return -1
        self._adopt(woken)
        now = time.monotonic()
        with self._counting:
            for message in messages:
                self._loaded[message.bot_id, message.rank] = (
                    self._loaded.get((message.bot_id, message.rank), 0) + 1
                )
                self._used[message.bot_id] = now
        self._crew.add(messages)
        return len(messages) + len(woken)

    def _adopt(self, bots: Sequence[int] | set[int]) -> None:
        now, epoch = time.monotonic(), time.time()
        for (bot, chat), until in self._shelf.adopt(bots).items():
            self._gate.pause(bot, chat, now + until - epoch)
        self._used.update(dict.fromkeys(bots, now))

    def _retire(self, now: float) -> None:
        idle = [
            bot
            for bot, used in self._used.items()
            if now - used > RETIRE_SECONDS and bot in self._shelf.bots and not self._crew.size_of(bot)
        ]
        if idle:
            self._shelf.retire(idle)
            self._used.update({bot: now for bot in idle if bot in self._shelf.bots})
            for bot in idle:
                if bot not in self._shelf.bots:
                    del self._used[bot]

    def _others_wait(self, now: float, quiet_since: float) -> bool:
        """Whether other shards wait for a free worker, as happens with fewer workers than shards."""
        settings = self._platform.settings
        crowded = settings.outbound_workers < settings.update_lanes and now - quiet_since > REFILL_SECONDS
        return crowded and has_jobs(self._platform.redis, JobQueue.OUTBOUND)

    # Sending

    def _send(self, message: Outgoing) -> None:
        with bind(request_id=message.request_id, bot_id=message.bot_id):
            if not self._holding.alive:  # somebody else sends for this bot now
                self._crew.retry(message, 0.0)
                return
            verdict = self._sending.send(message, self._journal.depart)
            if verdict.after is After.SETTLED:
                self._settled.put(message)
            else:
                self._wait(message, verdict)

    def _wait(self, message: Outgoing, verdict: Verdict) -> None:
        now = time.monotonic()
        scope = self._scope(message, verdict, now)
        if scope:
            self._gate.pause(message.bot_id, scope, now + verdict.delay)
        with suppress(RedisError):  # then a restart forgets the pause, and Telegram says it again
            if verdict.after is After.FLOODED:
                self._shelf.pause(message.bot_id, scope, verdict.delay)
            # Left on record if Redis is away: then a crash parks what it could have sent.
            if message.flying and not message.may_have_arrived:
                self._journal.back(message)
            if verdict.counts:
                self._shelf.count_attempts(message)
        self._crew.retry(message, verdict.delay)

    def _scope(self, message: Outgoing, verdict: Verdict, now: float) -> str:
        """What waits beside the message. A 429: its chat; a second chat within five seconds shows that it is the bot."""
        if verdict.after is not After.FLOODED:
            return ALL_CHATS if verdict.after is After.BOT_WAITS else ""
        last_chat, last_at = self._flooded.get(message.bot_id, ("", 0.0))
        self._flooded[message.bot_id] = (message.chat, now)
        whole_bot = last_chat not in ("", message.chat) and now - last_at <= FLOOD_SECONDS
        logger.warning("429: %s waits %.0f s", "the bot" if whole_bot else "the chat", verdict.delay)
        return ALL_CHATS if whole_bot else message.chat

    def _settle(self, batch: Sequence[Outgoing]) -> None:
        while True:
            try:
                self._shelf.settle(batch)
                break
            except RedisError as error:
                logger.warning("sent messages wait to be deleted: %s", type(error).__name__)
                if not self._holding.alive:  # whoever comes next sends them again: at least once
                    break
                time.sleep(AWAY_SECONDS)
        with self._counting:
            for message in batch:
                self._loaded[message.bot_id, message.rank] -= 1
        self._crew.done(batch)

    # Leaving

    def _wakes(self) -> dict[int, float]:
        """When each bot with waiting messages may go on, in epoch seconds."""
        shift = time.time() - time.monotonic()
        return {bot: moment + shift for bot, moment in self._crew.wakes().items()}

    def _hand_back(self) -> None:
        with suppress(RedisError):
            self._holding.lease.release()
            if self._shelf.bots:
                enqueue(self._platform.job_redis, JobName.DRAIN_OUTBOX, self._shard)


def drain_outbox(
    platform: Platform, sending: Sending, keeper: LeaseKeeper, shard: int, stopping: threading.Event
) -> bool:
    """Send what waits in one shard until nothing is left for a while; False when somebody else is at it."""
    holding = keeper.take(f"outbox:{shard}")
    if holding is None:
        # It may be a dead man's: let the reconciler ring as soon as his lease has run out.
        platform.redis.delete(keys.doorbell("outbox", shard))
        return False
    try:
        OutboxDrain(platform, sending, holding, shard, stopping).run()
    finally:
        keeper.let_go(holding)
    return True
