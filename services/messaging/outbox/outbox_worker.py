"""What a shard does with each message: send it, or put it off."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from redis import RedisError

from services.core import tracing
from services.core.logs import bind
from services.core.resting import answering
from services.messaging.outbox.journal import Journal
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.pacing_gate import BULK_RANK, PacingGate
from services.messaging.outbox.send_window import ShardSends
from services.messaging.outbox.sending import Disposition, Sender, SendResult
from services.messaging.outbox.settler import Settler
from services.messaging.outbox.shard_window import ShardWindow
from services.messaging.outbox.store import ALL_CHATS, OutboxStore
from services.platform.platform import Platform
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.fair_queue import FairQueue
from services.queueing.greenlet_pool import GreenletPool

logger = logging.getLogger(__name__)
# One part in so many of the calls under way is not for one bot: whose calls take long never has them all.
LEFT_TO_OTHERS = 4
LONGEST_METHOD = 64  # characters that a trace is told: who wrote the call may have called a method anything


class OutboxWorker:
    """Sends the messages of one shard, chats side by side and each in order, and has what was sent settled.

    `pool` takes the messages; `going` turning False ends the taking.
    """

    def __init__(
        self,
        platform: Platform,
        sender: Sender,
        held: HeldLease,
        shard: int,
        store: OutboxStore,
        gate: PacingGate,
        window: ShardWindow,
        going: Callable[[], bool],
    ) -> None:
        self._sender = sender
        self._lease = held
        self._store = store
        self._gate = gate
        self._window = window
        self._sends = ShardSends(sender.send_window, shard)
        self._journal = Journal(platform.redis, shard, held.lease.token)
        largest = platform.settings.send_concurrency
        queue = FairQueue[OutboxMessage](per_bot=largest - largest // LEFT_TO_OTHERS, gate=gate)
        self.pool = GreenletPool(queue, self._work, going, largest=largest, name=f"send-{shard}")
        self._settler = Settler(platform, held, shard, store, self._sends, self._drop)

    def end(self, patience: float) -> None:
        """Let sends under way end, for `patience` seconds at most, and have them settled."""
        self.pool.end(patience)
        self._settler.drain()
        self._settler.close(under_way=lambda: self.pool.running)
        self._sends.end()

    def _work(self, message: OutboxMessage) -> None:
        with bind(request_id=message.request_id, bot_id=message.bot_id):
            if not self._lease.alive:  # somebody else sends for this bot now
                self.pool.retry(message, 0.0)
                return
            self._sends.enter(message)
            result = self._send(message)
            if message.migrated:
                self._gate.moved(message, time.monotonic())
            if result.after is Disposition.SETTLED:
                self._sends.answered(message)
                self._settler.put(message)
            else:
                self._sends.leave([message])
                self._put_off(message, result)

    def _send(self, message: OutboxMessage) -> SendResult:
        began, first = time.time_ns(), not message.attempts
        if message.rank < BULK_RANK:
            answering.note()
        result = self._sender.send(message, self._may_depart)
        if message.rank < BULK_RANK:
            answering.note()
        _trace(message, began, first, result)
        return result

    def _may_depart(self, message: OutboxMessage, on_record: bool) -> bool:
        """Whether the message may leave: on record where its bot wants that, and under a lease that is ours at this moment.

        A process that was stopped since it took the message up finds out here that somebody else has sent it.
        """
        return (not on_record or self._journal.mark_in_flight(message)) and self._lease.alive

    def _put_off(self, message: OutboxMessage, result: SendResult) -> None:
        now = time.monotonic()
        scope = self._scope(message, result, now)
        if scope:
            self._gate.pause(message.bot_id, scope, now + result.delay)
        with suppress(RedisError):  # then a restart forgets the pause, and Telegram says it again
            self._remember(message, result, scope)
        self.pool.retry(message, result.delay)

    def _scope(self, message: OutboxMessage, result: SendResult, now: float) -> str:
        """What waits beside the message: a chat, ALL_CHATS, or "" for nothing."""
        if result.after is Disposition.FLOODED:
            return self._gate.flooded(message, result.delay, now)
        return ALL_CHATS if result.after is Disposition.BOT_WAITS else ""

    def _remember(self, message: OutboxMessage, result: SendResult, scope: str) -> None:
        """Beyond this process's life."""
        if result.after is Disposition.FLOODED:
            self._store.pause(message.bot_id, scope, result.delay)
        # Left on record if Redis is away: then a crash parks what it could have sent.
        if message.in_flight and not message.may_have_arrived:
            self._journal.clear(message)
        if result.counts:
            self._store.count_attempts(message)

    def _drop(self, batch: Sequence[OutboxMessage]) -> None:
        self._sends.leave(batch)
        self._window.remove(batch)
        self.pool.done(batch)


def _trace(message: OutboxMessage, began: int, first: bool, result: SendResult) -> None:
    """Note a send that began then, the `first` of its message or a repetition."""
    if tracing.current is None:
        return
    tracing.current.sent(
        message.request_id,
        message.entry_id,
        began,
        first=first,
        bot_id=message.bot_id,
        method="" if message.newer else message.method[:LONGEST_METHOD],
        outcome=str(result.after) if message.failed_for_good is None else "dead",
    )
