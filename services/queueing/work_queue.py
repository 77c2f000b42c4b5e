"""A bot's updates on their way to the program of its owner: taken under a lease, answered, offered again (ADR 42).

The queue is a stream with a consumer group. An update that was given out stays pending, and its entry's id is the lease: what
is not answered in time is offered again under another id, so whoever comes too late holds nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from services.core.metrics import WORKER_HANDLING_SECONDS
from services.platform.redis import work_keys
from services.platform.redis.jobs import DOORBELL_SECONDS
from services.platform.redis.scripts import load
from services.queueing.shards import outbox_keys

TAKE: Final = load("take_work")
SETTLE: Final = load("settle_work")
PROLONG: Final = load("prolong_work")
REMEMBER: Final = load("remember_record")
DROP: Final = load("drop_work")
MOST_WAITING: Final = 10_000  # updates for one worker; beyond it the door takes no more for its bot
MOST_DELIVERIES: Final = 5  # W7
MOST_GIVEN: Final = 1000
SEEN_SECONDS: Final = 30 * 86_400
LEASE: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
GIVEN_BACK: Final = "failed"  # the consumer that stands for nobody: its updates wait to be offered again
UNTRIED: Final = "untried"  # another: no program had a chance at its updates, so that they are not counted


@dataclass(frozen=True)
class Work:
    """An update for a worker. `update` is JSON with tokens sealed, `attempt` how often it was given out in vain before.

    `number` rises with every offer, so that programs that count updates can acknowledge by it.
    """

    lease: str
    update: str
    number: int
    chat: str
    request_id: str
    start: str
    attempt: int


@dataclass(frozen=True)
class WorkCall:
    """A call of the Bot API that a worker wants: its place in the outbox, and {"method", "params"} as JSON, tokens sealed."""

    priority: str
    chat: str
    request_id: str
    call: str


class WorkQueue:
    """The queue of one bot. Everything raises RedisError while Redis is away."""

    def __init__(self, redis: Redis, bot_id: int, public_id: str) -> None:
        self._redis = redis
        self._bot_id = bot_id
        self._public_id = public_id
        self._incoming = work_keys.incoming(public_id)
        self._group = work_keys.group(public_id)
        self._names = queue_keys(bot_id, public_id)

    def take(
        self, consumer: str, most: int, lease_seconds: float, *, is_program: bool = True
    ) -> tuple[list[Work], list[Work]]:
        """Up to `most` updates for a program, one of a chat; and those that were given out in vain too often, which
        the caller has to give up. What was not answered within `lease_seconds` is offered again first.

        Of one who carries them to a program elsewhere (not `is_program`) it is not noted that a program asked.
        """
        values = (
            self._bot_id,
            self._group,
            consumer,
            most,
            int(lease_seconds * 1000),
            MOST_DELIVERIES,
            SEEN_SECONDS if is_program else 0,
        )
        taken, exhausted = TAKE(self._redis, [*self._names, work_keys.seen(self._bot_id)], values)
        return [work_of(*each) for each in taken], [work_of(*each) for each in exhausted]

    def read(self, lease: str) -> Work | None:
        """The update under a lease, whoever holds it; None when it is settled or was offered again."""
        if not LEASE.fullmatch(lease):
            return None
        found: Any = self._redis.xrange(self._incoming, lease, lease)
        return work_of(*found[0]) if found else None

    def given_to(self, consumer: str) -> list[Work]:
        """What a consumer has and did not answer, in order, up to MOST_GIVEN."""
        found: Any = []
        if self._redis.exists(self._incoming):
            found = self._redis.xpending_range(self._incoming, self._group, "-", "+", MOST_GIVEN, consumer)
        with self._redis.pipeline(transaction=False) as pipe:
            for each in found:
                pipe.xrange(self._incoming, each["message_id"], each["message_id"])
            entries: Any = pipe.execute()
        return [work_of(*entry[0]) for entry in entries if entry]

    def settle(
        self,
        work: Work,
        calls: Sequence[WorkCall],
        shard: int,
        replay: tuple[int, int] | None = None,
        *,
        is_answer: bool = True,
    ) -> list[int] | None:
        """Be done with an update, its calls in the outbox, in one step; the shards to ring, None when it is not held.

        `replay` is the dead letter, and for the how-manieth time, that the update is a replay of. Not every end `is_answer`
        of a program, whose time is measured.
        """
        mark = work_keys.replaying(self._bot_id, *(replay or (0, 0)))
        names = [*self._names, work_keys.held(self._bot_id, work.chat), mark]
        values: list[str | int] = [self._bot_id, self._group, work.lease, MOST_WAITING, DOORBELL_SECONDS]
        for call in calls:
            names += outbox_keys(self._bot_id, call.priority, shard)
            values += (shard, call.chat, call.request_id, call.call)
        found = SETTLE(self._redis, names, values)
        if found is None:
            return None
        milliseconds, *rings = (int(each) for each in found)
        if is_answer:
            WORKER_HANDLING_SECONDS.observe(milliseconds / 1000)
        return rings

    def extend(self, work: Work) -> bool:
        """Let the lease begin anew; False when it is not held any more."""
        return self._prolong(work, "", 0)

    def give_back(
        self, work: Work, lease_seconds: float, delay_seconds: float, *, counts: bool = True
    ) -> bool:
        """Have it offered again after `delay_seconds` (at most a lease); False when it is not held any more.

        With `counts` false it was given out for nothing, and this was none of its deliveries.
        """
        idle = int(max(0.0, lease_seconds - delay_seconds) * 1000)
        return self._prolong(work, GIVEN_BACK if counts else UNTRIED, idle)

    def drop(self) -> None:
        """Forget all that waits or is given out; numbers go on, and whoever holds a lease holds it no more."""
        DROP(self._redis, self._names[:4], [work_keys.held(self._bot_id, "")])

    def remember(self, work: Work, record: str) -> bool:
        """Note where an update stands in its Kafka topic and offer the next of its chat, which comes behind it there; False when
        it is not held any more.
        """
        names = [*self._names, work_keys.held(self._bot_id, work.chat), work_keys.records(self._bot_id)]
        return bool(REMEMBER(self._redis, names, [self._bot_id, self._group, work.lease, record]))

    def note_seen(self) -> None:
        """Note that a program was at work just now."""
        self._redis.set(work_keys.seen(self._bot_id), int(time.time()), ex=SEEN_SECONDS)

    def lag(self) -> int:
        """How many updates are not settled: offered, given out, or held behind those of their chat."""
        return lags(self._redis, [(self._bot_id, self._public_id)])[0]

    def last_seen(self) -> float | None:
        """When a program last asked for work, in seconds since 1970; None when none did for a month."""
        found = self._redis.get(work_keys.seen(self._bot_id))
        return None if found is None else float(found)

    def _prolong(self, work: Work, consumer: str, idle: int) -> bool:
        return bool(PROLONG(self._redis, [self._incoming], [self._group, work.lease, consumer, idle]))


def lags(redis: Redis, bots: Sequence[tuple[int, str]]) -> list[int]:
    """The `lag` of each bot, by its number and public id, in one round trip. Raises RedisError."""
    with redis.pipeline(transaction=False) as pipe:
        for bot_id, public_id in bots:
            pipe.xlen(work_keys.incoming(public_id))
            pipe.get(work_keys.held_count(bot_id))
        found = pipe.execute()
    return [int(offered) + int(held or 0) for offered, held in zip(found[::2], found[1::2], strict=True)]


def queue_keys(bot_id: int, public_id: str) -> list[str]:
    """The keys of a queue in the order in which scripts take them, but for what is held of one chat."""
    return [
        work_keys.incoming(public_id),
        work_keys.heads(bot_id),
        work_keys.held_count(bot_id),
        work_keys.is_full(bot_id),
        work_keys.last_number(bot_id),
        work_keys.wake(),
    ]


def work_of(entry_id: str, fields: Any) -> Work:
    """The update of an entry as redis-py or a script gives it: its fields by name, or names and values in a row."""
    known = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    return Work(
        entry_id,
        known["update"],
        int(known["number"]),
        known["chat"],
        known["request"],
        known["start"],
        int(known["attempt"]),
    )
