"""Whether a message may go now: pauses after a 429 or a refused token first, then the buckets."""

from __future__ import annotations

import logging
import time

from services.core.resting import answering
from services.messaging.outbox.even_turns import EvenTurns
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.pacing import Pacing
from services.messaging.outbox.store import ALL_CHATS
from services.platform.redis import keys
from services.platform.switchboard import Switchboard, SwitchName
from services.queueing.bot_queue import Wait

logger = logging.getLogger(__name__)
BULK_RANK = keys.OUTBOX_PRIORITIES.index("bulk")
FLOOD_SECONDS = 5.0  # two chats flooded within so long: the whole bot waits


class PacingGate:
    """The gate of a shard's queue, which counts messages only, not answers to taps. Moments are on the monotonic clock."""

    def __init__(self, pacing: Pacing, turns: EvenTurns, switches: Switchboard, bulk_look: float) -> None:
        self._pacing = pacing
        self._turns = turns
        self._switches = switches
        self._bulk_look = bulk_look
        self._paused: dict[tuple[int, str], float] = {}  # until
        self._flooded: dict[int, tuple[str, float]] = {}  # bot -> chat and moment of its last 429

    def pause(self, bot_id: int, chat: str, until: float) -> None:
        """Let nothing pass for the chat, or for ALL_CHATS of the bot, before `until`."""
        self._paused[bot_id, chat] = max(until, self._paused.get((bot_id, chat), 0.0))

    def flooded(self, message: OutboxMessage, delay: float, now: float) -> str:
        """What a 429 makes wait: its chat; a second chat within five seconds shows that it is the bot (ALL_CHATS)."""
        last_chat, last_at = self._flooded.get(message.bot_id, ("", 0.0))
        self._flooded[message.bot_id] = (message.chat, now)
        whole_bot = last_chat not in ("", message.chat) and now - last_at <= FLOOD_SECONDS
        logger.warning("429: %s waits %.0f s", "the bot" if whole_bot else "the chat", delay)
        return ALL_CHATS if whole_bot else message.chat

    def moved(self, message: OutboxMessage, now: float) -> None:
        """The message's group was upgraded: what was sent to it lately counts for the supergroup, and the other way round."""
        self._pacing.join(message.bot_id, message.chat, message.paced_chat, now)

    def __call__(self, message: OutboxMessage, now: float) -> Wait | None:
        """None when the message may go, and is counted; else until when it waits."""
        wait = self._bulk_pause_of(message, now) or self._pause_of(message, now)
        if wait is not None or not message.is_message:
            return wait
        wait = self._turn_of(message, now) or self._bucket_of(message, now)
        if wait is None:
            if message.broadcast_rate:
                self._turns.take(
                    message.bot_id, message.broadcast_rate, now, beside_replies=answering.was_lately
                )
            self._pacing.take(message.bot_id, message.chat, now, is_paid=message.is_paid)
            message.counted_at = 0.0 if message.is_paid else time.time()
        return wait

    def _bulk_pause_of(self, message: OutboxMessage, now: float) -> Wait | None:
        """All that is bulk waits while the switch is on, and nothing else: a pause holds for a rank and later ones."""
        if message.rank != BULK_RANK:
            return None
        left = self._switches.seconds_left(SwitchName.BULK_PAUSE)
        return Wait(now + min(left, self._bulk_look), whole_bot=True) if left else None

    def _turn_of(self, message: OutboxMessage, now: float) -> Wait | None:
        """Messages of a broadcast go one by one, so that replies find room between them."""
        if not message.broadcast_rate:
            return None
        until = self._turns.ready_at(
            message.bot_id, message.broadcast_rate, now, is_answering=answering.is_on
        )
        return Wait(until, whole_bot=True) if until > now else None

    def _pause_of(self, message: OutboxMessage, now: float) -> Wait | None:
        bot_until = self._paused_until(message.bot_id, ALL_CHATS, now)
        if bot_until > now:
            return Wait(bot_until, whole_bot=True)
        chat_until = self._paused_until(message.bot_id, message.chat, now)
        return Wait(chat_until) if chat_until > now else None

    def _bucket_of(self, message: OutboxMessage, now: float) -> Wait | None:
        chat_until = self._pacing.chat_ready_at(message.bot_id, message.chat, now)
        if chat_until > now:
            return Wait(chat_until)
        ready_at = self._pacing.paid_ready_at if message.is_paid else self._pacing.bot_ready_at
        bot_until = ready_at(message.bot_id, now)
        return Wait(bot_until, whole_bot=True) if bot_until > now else None

    def _paused_until(self, bot_id: int, chat: str, now: float) -> float:
        until = self._paused.get((bot_id, chat), 0.0)
        if until and until <= now:
            del self._paused[bot_id, chat]
        return until
