"""The queues of bots whose programs speak to Redis themselves (ADR 43): what they acknowledged, are late with, want called.

Everything is asked for many bots at once, in one round trip, and raises RedisError while Redis is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from services.platform.redis import keys, work_keys
from services.platform.redis.jobs import DOORBELL_SECONDS
from services.platform.redis.scripts import load
from services.queueing.shards import outbox_keys
from services.queueing.work_queue import (
    MOST_DELIVERIES,
    MOST_WAITING,
    SEEN_SECONDS,
    Work,
    WorkCall,
    queue_keys,
    work_of,
)

LOOK: Final = load("look_at_streams")
SETTLE: Final = load("settle_acknowledged")
TAKE_BACK: Final = load("take_back_late")
READ: Final = load("read_outgoing")
MOVE: Final = load("move_outgoing")
DROP_CONSUMERS: Final = load("drop_consumers")
MOST_SETTLED: Final = 256  # updates of one bot in one step: Redis does nothing else meanwhile
MOST_CALLS: Final = 10_000  # of a program that wait in the outboxes; what comes then waits in its stream
MOST_READ: Final = 500
MOST_BYTES_READ: Final = 1 << 20
LARGEST_CALL: Final = 256 << 10  # bytes; the largest that Telegram takes without files has a tenth
TOO_MUCH: Final = 64 << 20  # bytes of a stream that nobody could have been told to stop filling in time
REFUSED_SECONDS: Final = 30 * 86_400

Bot = tuple[int, str]  # number and public id


@dataclass(frozen=True)
class Acknowledged:
    """An update that a program acknowledged in Redis. `replay` is the dead letter it is a replay of, and the how-manieth."""

    lease: str
    chat: str
    request_id: str
    replay: tuple[int, int] | None = None


@dataclass(frozen=True)
class Look:
    """What a bot's streams hold at a moment: updates offered, of them given out, of these by us and not by Redis, acknowledged
    ones (up to MOST_SETTLED), calls, and how many names the program's copies have used.
    """

    offered: int
    given: int
    given_by_us: int
    acknowledged: tuple[Acknowledged, ...]
    calls: int
    consumers: int


@dataclass(frozen=True)
class CallPage:
    """The first entries of a bot's `outgoing`, each with names and values in a row; and how many there are, of how many bytes."""

    entries: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    waiting: int
    size: int


@dataclass(frozen=True)
class Moved:
    """What becomes of a bot's entries: calls with the entry each stands in, and refused entries with what is told of them."""

    bot: Bot
    calls: Sequence[tuple[bytes, WorkCall]]
    refused: Sequence[tuple[bytes, str]]


def look_at(redis: Redis, bots: Sequence[Bot], ours: Sequence[str]) -> list[Look]:
    """What the streams of each bot hold; `ours` are the consumers that programs over HTTP are given work by."""
    asked: list[tuple[tuple[str, ...], list[str | int]]] = [
        (work_keys.streams(public), [work_keys.group(public), MOST_SETTLED, *ours]) for _, public in bots
    ]
    return [
        Look(offered, given, given_by_us, tuple(Acknowledged(*each) for each in done), calls, consumers)
        for offered, given, given_by_us, done, calls, consumers in LOOK.each(redis, asked)
    ]


def settle_acknowledged(redis: Redis, bots: Sequence[tuple[Bot, Sequence[Acknowledged]]]) -> int:
    """Be done with what programs acknowledged, as with an answer of theirs; how many updates that were."""
    asked: list[tuple[list[str], list[str | int]]] = []
    for (bot_id, public), done in bots:
        names = [*queue_keys(bot_id, public), work_keys.seen(bot_id)]
        for each in done:
            names += (
                work_keys.held(bot_id, each.chat),
                work_keys.replaying(bot_id, *(each.replay or (0, 0))),
            )
        leases = [each.lease for each in done]
        asked.append((names, [bot_id, work_keys.group(public), MOST_WAITING, SEEN_SECONDS, *leases]))
    return sum(SETTLE.each(redis, asked))


def take_back_late(redis: Redis, bots: Sequence[tuple[Bot, int]]) -> list[list[Work]]:
    """Offer again what was given out and not answered within each bot's lease, in seconds; of each bot what to give up."""
    asked = [
        (queue_keys(bot_id, public), (bot_id, work_keys.group(public), seconds * 1000, MOST_DELIVERIES))
        for (bot_id, public), seconds in bots
    ]
    return [[work_of(*each) for each in exhausted] for exhausted in TAKE_BACK.each(redis, asked)]


def read_calls(binary_redis: Redis, bots: Sequence[Bot], too_large: str, too_much: str) -> list[CallPage]:
    """The first of each bot's calls, by a client with undecoded answers: a program writes what it likes.

    What is larger than LARGEST_CALL is thrown away, and what of a stream has grown over TOO_MUCH altogether; these texts are
    kept for the owner then.
    """
    limits = (
        MOST_CALLS,
        MOST_READ,
        MOST_BYTES_READ,
        LARGEST_CALL,
        TOO_MUCH,
        too_large,
        too_much,
        REFUSED_SECONDS,
    )
    asked = []
    for bot_id, public in bots:
        outboxes = [keys.outbox(bot_id, priority) for priority in keys.OUTBOX_PRIORITIES]
        asked.append(([work_keys.outgoing(public), work_keys.refused(bot_id), *outboxes], limits))
    return [
        CallPage(tuple((entry, tuple(fields)) for entry, fields in found), waiting, size)
        for found, waiting, size in READ.each(binary_redis, asked)
    ]


def move_calls(binary_redis: Redis, shards: int, moved: Sequence[Moved]) -> set[int]:
    """Put calls from programs' streams into their bots' outboxes, each once whoever else does; the shards to ring."""
    asked: list[tuple[list[str], list[Any]]] = []
    for each in moved:
        bot_id, public = each.bot
        shard = bot_id % shards
        names = [work_keys.outgoing(public), work_keys.refused(bot_id), work_keys.seen(bot_id)]
        values: list[Any] = [bot_id, DOORBELL_SECONDS, REFUSED_SECONDS, SEEN_SECONDS, len(each.refused)]
        for entry, told in each.refused:
            values += (entry, told)
        for entry, call in each.calls:
            names += outbox_keys(bot_id, call.priority, shard)
            values += (entry, shard, call.chat, call.request_id, call.call)
        asked.append((names, values))
    return {int(shard) for rings in MOVE.each(binary_redis, asked) for shard in rings}


def has_calls(redis: Redis, bots: Sequence[Bot]) -> bool:
    """Whether any of the bots' programs wants something called."""
    return bool(bots) and redis.exists(*(work_keys.outgoing(public) for _, public in bots)) > 0


def drop_consumers(redis: Redis, public_id: str, idle_seconds: float) -> None:
    """Forget the names of a program's copies that hold nothing and have not asked for so long."""
    DROP_CONSUMERS(
        redis, [work_keys.incoming(public_id)], [work_keys.group(public_id), int(idle_seconds * 1000)]
    )
