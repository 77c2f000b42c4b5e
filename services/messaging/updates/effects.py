"""Making a handled update's wishes real: acknowledgement, messages and state in one fenced step in Redis.

An update's effects count only if its entry was still in the lane, so repeating a commit whose answer was lost adds
nothing, and a holder that slept through its lease does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.messaging.updates.queued_update import HandedOver, HandlerResult, Send
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.platform.redis.jobs import DOORBELL_SECONDS
from services.platform.redis.scripts import load
from services.queueing.shards import outbox_keys
from services.queueing.work_queue import MOST_WAITING, queue_keys

COMMIT: Final = load("commit_effects")
LEAVE: Final = load("leave_lane")


@dataclass(frozen=True)
class Settled:
    """A handled update: which entry it was, and what its handler wants. `marked` when it failed or was suspected."""

    entry_id: str
    bot_id: int
    request_id: str
    handled: HandlerResult
    marked: bool = False


class Committer:
    """Writes settled updates of one lane under its lease."""

    def __init__(self, platform: Platform, lane: int, token: str) -> None:
        self._redis = platform.redis
        self._lanes = platform.settings.update_lanes
        self._conversation_seconds = platform.settings.conversation_ttl_seconds
        self._token = token
        self._own_keys = [
            keys.lease(f"lane:{lane}"),
            keys.update_lane(lane),
            keys.update_attempts(lane),
            keys.update_suspects(lane),
        ]

    def commit(self, batch: Sequence[Settled]) -> list[int] | None:
        """Write the batch in one round trip; the outbox shards to ring, or None when the lease was lost."""
        names = list(self._own_keys)
        values: list[str | int] = [self._token, DOORBELL_SECONDS]
        for settled in batch:
            values += ("ack", settled.entry_id, int(settled.marked))
            for send in settled.handled.sends:
                self._send(settled, send, names, values)
            if settled.handled.conversation is not None:
                names.append(settled.handled.conversation_key)
                values += ("state", settled.handled.conversation, self._conversation_seconds)
            for key, value, seconds in settled.handled.kept:
                names.append(key)
                values += ("state", value, seconds)
            if settled.handled.handed is not None:
                self._hand(settled, settled.handled.handed, names, values)
        answer = COMMIT(self._redis, names, values)
        return None if answer is None else [int(shard) for shard in answer]

    def leave(self) -> bool:
        """Give the lane back if nothing is left in it, in one step, so that no update falls between."""
        lease, lane, _, suspects = self._own_keys
        return bool(LEAVE(self._redis, [lease, lane, suspects], [self._token]))

    def _send(self, settled: Settled, send: Send, names: list[str], values: list[str | int]) -> None:
        shard = settled.bot_id % self._lanes
        names += outbox_keys(settled.bot_id, send.priority, shard)
        values += ("send", settled.bot_id, shard, send.chat, settled.request_id, send.call)

    def _hand(self, settled: Settled, handed: HandedOver, names: list[str], values: list[str | int]) -> None:
        names += queue_keys(settled.bot_id, handed.public_id)
        names.append(work_keys.held(settled.bot_id, handed.chat))
        values += ("hand", settled.bot_id, handed.public_id, int(handed.ordered), MOST_WAITING)
        values += (handed.chat, settled.request_id, handed.start, handed.update)
