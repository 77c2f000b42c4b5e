"""The journal of sends under way: who sends what must not go twice writes down first what leaves.

For at_most_once bots and for broadcasts. Whoever takes over after a crash finds there what may have arrived, and parks it. The
same step sees whether a broadcast was halted: paused, stopped or braked, nothing more of it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis import Redis

from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.redis import broadcast_keys, keys
from services.platform.redis.group_commit import GroupCommit
from services.platform.redis.scripts import load

DEPART: Final = load("mark_in_flight")
ON_RECORD, HALTED = 1, -1


class Journal:
    """The journal of one shard, for the drain that holds it. Sends of one moment share a round trip."""

    def __init__(self, redis: Redis, shard: int, token: str) -> None:
        self._redis = redis
        self._lease = keys.lease(f"outbox:{shard}")
        self._token = token
        self._commit: GroupCommit[OutboxMessage, int] = GroupCommit(self._write)

    def mark_in_flight(self, message: OutboxMessage) -> bool:
        """Put the send on record; False when another process sends for the bot now, or the message is `halted`. Raises RedisError."""
        answer = self._commit.submit(message)
        message.halted = answer == HALTED
        message.in_flight = answer == ON_RECORD or message.in_flight
        return message.in_flight and not message.halted

    def clear(self, message: OutboxMessage) -> None:
        """The send certainly had no effect, or its outcome is known: off the record. Raises RedisError."""
        self._redis.hdel(keys.outbox_flying(message.bot_id), message.flight_id)
        message.in_flight = False

    def _write(self, batch: Sequence[OutboxMessage]) -> list[int]:
        names = [self._lease]
        for message in batch:
            names += (keys.outbox_flying(message.bot_id), broadcast_keys.halted(message.halted_by))
        answers = DEPART(self._redis, names, [self._token, *(each.flight_id for each in batch)])
        return [int(answer) for answer in answers]
