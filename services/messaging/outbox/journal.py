"""The journal of sends under way: who sends for a bot that wants nothing twice writes down first what leaves.

Only for at_most_once bots. Whoever takes over after a crash finds there what may have arrived, and parks it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis import Redis

from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.redis import keys
from services.platform.redis.group_commit import GroupCommit
from services.platform.redis.scripts import load

DEPART: Final = load("mark_in_flight")


class Journal:
    """The journal of one shard, for the drain that holds it. Sends of one moment share a round trip."""

    def __init__(self, redis: Redis, shard: int, token: str) -> None:
        self._redis = redis
        self._lease = keys.lease(f"outbox:{shard}")
        self._token = token
        self._commit: GroupCommit[OutboxMessage, bool] = GroupCommit(self._write)

    def mark_in_flight(self, message: OutboxMessage) -> bool:
        """Put the send on record; False when another process sends for the bot now. Raises RedisError."""
        message.in_flight = self._commit.submit(message) or message.in_flight
        return message.in_flight

    def clear(self, message: OutboxMessage) -> None:
        """The send certainly had no effect, or its outcome is known: off the record. Raises RedisError."""
        self._redis.hdel(keys.outbox_flying(message.bot_id), message.flight_id)
        message.in_flight = False

    def _write(self, batch: Sequence[OutboxMessage]) -> list[bool]:
        names = [self._lease, *(keys.outbox_flying(message.bot_id) for message in batch)]
        on_record = bool(DEPART(self._redis, names, [self._token, *(each.flight_id for each in batch)]))
        return [on_record] * len(batch)
