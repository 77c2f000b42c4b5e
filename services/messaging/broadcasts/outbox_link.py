"""Between a ledger and the outboxes: putting claimed calls there, each once, and reading what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from plugins.effects import Priority
from services.core import tracing
from services.messaging.broadcasts.outcomes import Outcome, read_outcome
from services.platform.platform import Platform
from services.platform.redis import broadcast_keys, keys, streams
from services.platform.redis.jobs import DOORBELL_SECONDS, JobName, enqueue
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.scripts import load
from services.platform.token_encryption import dump_sealed
from services.queueing.shards import outbox_keys

OFFER: Final = load("offer_calls")
SETTLE: Final = load("settle_outcomes")
AT_ONCE: Final = 40  # calls of one script, a millisecond of Redis
READ_AT_ONCE: Final = 1000
MOST: Final = 1_000_000  # more than can be under way
KEPT_SECONDS: Final = 7 * 86_400
BEGINNING: Final = "0"
BRAKED: Final = "brake"
HALTED: Final = "1"


@dataclass(frozen=True)
class Offer:
    """One person's call."""

    bot_id: int
    telegram_id: int
    method: str
    params: dict[str, Any]
    per_second: int = 0  # messages of its bot, which go evenly; 0: as they come


@dataclass(frozen=True)
class Settled:
    """An outcome as it stands in the stream."""

    entry_id: str
    broadcast_id: int
    telegram_id: int
    outcome: Outcome


class OutboxLink:
    """For the one process that holds the ledgers' lease."""

    def __init__(self, platform: Platform, held: HeldLease) -> None:
        self._platform = platform
        self._lease = keys.lease(held.lease.name)
        self._token = held.lease.token
        self._cursor = BEGINNING

    def offer(self, broadcast_id: int, offers: Sequence[Offer]) -> bool:
        """Put calls into outboxes; who was given one and is not settled gets no second. False when the lease is lost. RedisError."""
        for at in range(0, len(offers), AT_ONCE):
            if not self._offer(broadcast_id, offers[at : at + AT_ONCE]):
                return False
        return True

    def _offer(self, broadcast_id: int, offers: Sequence[Offer]) -> bool:
        platform = self._platform
        names = [self._lease, broadcast_keys.given(broadcast_id)]
        values: list[str | int] = [self._token, DOORBELL_SECONDS, KEPT_SECONDS]
        for offer in offers:
            names += outbox_keys(offer.bot_id, Priority.BULK, self._shard(offer))
            then = {
                "broadcast": broadcast_id,
                "person": offer.telegram_id,
                "per_second": offer.per_second,
            }
            call = {"method": offer.method, "params": offer.params, "then": then}
            sealed = dump_sealed(platform.vault, call, offer.bot_id)
            values += (offer.bot_id, offer.telegram_id, str(tracing.begun(offer.bot_id)), sealed)
        rings = OFFER(platform.redis, names, values)
        if rings is None:
            return False
        rung = {self._shard(offer) for offer, ring in zip(offers, rings, strict=True) if int(ring)}
        for shard in sorted(rung):
            enqueue(platform.job_redis, JobName.DRAIN_OUTBOX, shard)
        return True

    def _shard(self, offer: Offer) -> int:
        return offer.bot_id % self._platform.settings.update_lanes

    def read(self, patience: float) -> list[Settled]:
        """Outcomes that were not read yet, waiting up to `patience` seconds for the first. Raises RedisError."""
        found = self._read(self._platform.blocking_redis, READ_AT_ONCE, patience)
        if found:
            self._cursor = found[-1].entry_id
        return found

    def peek(self) -> list[Settled]:
        """All that were not read yet, which stay unread. Raises RedisError."""
        return self._read(self._platform.redis, None, None)

    def _read(self, redis: Redis, count: int | None, patience: float | None) -> list[Settled]:
        stream = broadcast_keys.outcomes()
        answer = streams.read(redis, {stream: self._cursor}, count=count or MOST, block_seconds=patience)
        entries = answer.get(stream, [])
        return [
            Settled(name, int(each["broadcast"]), int(each["person"]), read_outcome(each["outcome"]))
            for name, each in entries
        ]

    def again(self) -> None:
        """Read from the beginning: what was read is not in the ledger."""
        self._cursor = BEGINNING

    def forget(self, settled: Sequence[Settled]) -> bool:
        """These are in the ledger now. False when the lease is lost. Raises RedisError."""
        names, values = [self._lease, broadcast_keys.outcomes()], [self._token]
        for each in settled:
            names.append(broadcast_keys.given(each.broadcast_id))
            values += [each.entry_id, str(each.telegram_id)]
        return bool(SETTLE(self._platform.redis, names, values))

    def places(self, broadcast_id: int, people: Sequence[int]) -> dict[int, bool]:
        """Of those who were given a call: person -> whether it still is in its outbox. Raises RedisError."""
        if not people:
            return {}
        redis = self._platform.redis
        found: Any = redis.hmget(broadcast_keys.given(broadcast_id), [str(person) for person in people])
        given = {person: str(place) for person, place in zip(people, found, strict=True) if place}
        with redis.pipeline(transaction=False) as pipe:
            for place in given.values():
                bot, _, entry = place.partition(":")
                pipe.xrange(keys.outbox(int(bot), Priority.BULK), entry, entry)
            answers = pipe.execute()
        return {person: bool(entries) for person, entries in zip(given, answers, strict=True)}


def arm(platform: Platform, broadcast_id: int, limit_percent: int) -> None:
    """Have outboxes watch what comes of the broadcast: the step that notes an outcome halts it when too many are bad.

    It begins anew, and what was halted may leave again. Raises RedisError.
    """
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.delete(broadcast_keys.last_outcomes(broadcast_id), broadcast_keys.halted(broadcast_id))
        pipe.hset(broadcast_keys.brake(broadcast_id), mapping={"limit": limit_percent, "bad": 0})
        pipe.expire(broadcast_keys.brake(broadcast_id), KEPT_SECONDS)
        pipe.execute()


def has_braked(platform: Platform, broadcast_id: int) -> bool:
    """Whether outboxes have halted it. Raises RedisError."""
    return platform.redis.get(broadcast_keys.halted(broadcast_id)) == BRAKED


def is_halted(platform: Platform, broadcast_id: int) -> bool:
    """Whether somebody has paused or stopped it. Raises RedisError."""
    return platform.redis.get(broadcast_keys.halted(broadcast_id)) == HALTED


def halt(platform: Platform, broadcast_id: int) -> None:
    """Nothing more of the broadcast leaves an outbox, from this moment on. Raises RedisError."""
    platform.redis.set(broadcast_keys.halted(broadcast_id), HALTED, ex=KEPT_SECONDS)


def go_on(platform: Platform, broadcast_id: int) -> None:
    """Its messages may leave again. Raises RedisError."""
    platform.redis.delete(broadcast_keys.halted(broadcast_id))
