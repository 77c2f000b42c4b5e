"""Writing clicks down before they are answered: concurrent ones share one round trip and one script.

The script counts the client's requests, takes the pool's next turn and appends the click, for each click of the
batch. Whose turn a position means is computed by `strategies.turn`, here and again by the flusher, from what stands
in the entry. With Redis away, or nearly full, everything happens in this process, and the click goes to the spool. A click
that the disk does not take either is lost: the visitor, who is paid for, goes on all the same, and it is counted.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from redis import Redis, RedisError

from services.core.metrics import CLICKS_REPLAYED, CLICKS_SPOOLED
from services.fleet.pools.load_tracker import bucket_of
from services.fleet.pools.strategies import turn
from services.platform.redis import keys
from services.platform.redis.changes import WatchedMemory
from services.platform.redis.connection import check_writable
from services.platform.redis.group_commit import GroupCommit
from services.platform.redis.scripts import load
from services.queueing.memory_guard import MemoryGuard
from services.traffic.clicks.hourly_counts import HourlyCounts
from services.traffic.clicks.log import log_redirects
from services.traffic.clicks.lost import LostClicks
from services.traffic.clicks.pending import PendingClick, RecordResult
from services.traffic.clicks.spool import Spool

logger = logging.getLogger(__name__)
PROBE_SECONDS = 0.5  # how often a Redis that failed is asked whether it is back
REJECTED: Final = -1

WRITE: Final = load("write_clicks")


class Recorder:
    """Writes the clicks of one process: to Redis, or to the spool while Redis is away."""

    def __init__(self, redis: Redis, spool: Spool, memory: WatchedMemory | None = None) -> None:
        self._redis = redis
        self._spool = spool
        self.refusals = HourlyCounts(redis, keys.unstored_clicks("refused"))
        self._lost = LostClicks(redis)
        self._memory = MemoryGuard(redis, memory)
        self._local = _LocalCounters()
        self._commit: GroupCommit[PendingClick, RecordResult] = GroupCommit(self._write)
        self._away = threading.Event()
        self._stopped = threading.Event()

    def record(self, click: PendingClick) -> RecordResult:
        """Write the click; returns once it is down."""
        return self._commit.submit(click)

    @property
    def redis_is_away(self) -> bool:
        """Whether clicks go to the spool at the moment."""
        return self._away.is_set()

    def start(self) -> None:
        """Watch for Redis' return, and replay what earlier processes left, in a thread of its own."""
        threading.Thread(target=self._return_for_ever, daemon=True, name="spool").start()

    def stop(self) -> None:
        """End the thread soon; what is spooled is replayed by the next process."""
        self._stopped.set()
        with contextlib.suppress(RedisError):
            self._lost.push()  # first: it also tells the log, which needs no Redis
            self.refusals.push()

    def _write(self, batch: Sequence[PendingClick]) -> list[RecordResult]:
        written = None
        if not self._away.is_set():
            try:
                written = list(map(_settled, batch, write_batch(self._redis, batch)))
            except RedisError as error:
                logger.warning("Redis is away, clicks go to the spool", extra={"cause": type(error).__name__})
                self._away.set()
                # The call may have run all the same: nobody is refused whom Redis may have let in.
                written = self._write_locally([replace(click, reject=False) for click in batch])
        if written is None:
            written = self._write_locally(batch)
        log_redirects(batch, written)
        return written

    def _write_locally(self, batch: Sequence[PendingClick]) -> list[RecordResult]:
        answers = [self._local.answer(click) for click in batch]
        kept = [pair for pair in zip(batch, answers, strict=True) if pair[1][0] != REJECTED]
        entries = [  # s: spooled, so that the flusher knows where the visitor was sent
            {"d": click.entry, "n": str(position), "o": str(int(count > click.limit)), "s": "1"}
            for click, (position, count) in kept
        ]
        try:
            self._spool.append(entries)
            CLICKS_SPOOLED.inc(len(entries))
        except OSError as error:
            self._lost.add([click for click, _ in kept], error)
        return list(map(_settled, batch, answers))

    def _return_for_ever(self) -> None:
        while not self._stopped.wait(PROBE_SECONDS):
            try:
                self.take_up_again()
            except RedisError:
                continue
            except OSError:  # the thread must live: without it this process would never write to Redis again
                logger.exception("the spool cannot be read")

    def take_up_again(self) -> None:
        """If Redis takes writes, write to it again and replay the spool. Raises RedisError while it does not.

        One that is nearly full is left alone: its last room is for the work that empties it.
        """
        if self._memory.is_full():
            if not self._away.is_set():
                logger.warning("Redis is nearly full, clicks go to the spool")
                self._away.set()
            return
        if self._away.is_set():
            check_writable(self._redis)
            self._away.clear()
            logger.warning("Redis takes clicks again")
        self._spool.seal()  # also when a batch that was under way has opened a file since
        self.refusals.push()
        self._lost.push()
        replayed = self._spool.replay(self._redis, lambda: not self._memory.is_low())
        CLICKS_REPLAYED.inc(replayed)


def write_batch(redis: Redis, batch: Sequence[PendingClick]) -> Iterator[tuple[int, int]]:
    """Run the script for these clicks in one round trip; position and count of each. Raises RedisError."""
    numbers: dict[str, int] = {keys.click_stream(): 1}

    def number(key: str) -> int:
        return numbers.setdefault(key, len(numbers) + 1)

    arguments: list[str] = []
    for click in batch:
        rate = (
            number(keys.client_rate(click.pool_id, click.client, int(click.at) // 60)) if click.limit else 0
        )
        rotation = number(keys.rotation(click.rotation_pool_id)) if click.rotation else 0
        load = (
            number(keys.member_load(click.rotation_pool_id, bucket_of(click.at))) if click.counts_load else 0
        )
        arguments.append(click.entry)
        arguments.append(
            f"{rate} {click.limit} {click.reject:d} {rotation} {click.steps:d} {load} {click.bot_id}"
        )
    answers: list[int] = WRITE(redis, numbers, arguments)
    return zip(answers[::2], answers[1::2], strict=True)


def _settled(click: PendingClick, answer: tuple[int, int]) -> RecordResult:
    position, count = answer
    if position == REJECTED and click.steps:
        return RecordResult(0, count, rejected=True)
    # A machine above the limit leaves no trace, so that nobody fills the disk; which bot it sees is all the same.
    bot_id = turn(click.rotation, max(0, position)) if click.rotation else click.bot_id
    return RecordResult(bot_id, count)


class _LocalCounters:
    """The script's counting, in this process alone, for as long as Redis is away."""

    def __init__(self) -> None:
        self._positions: dict[int, int] = {}
        self._minute = -1
        self._requests: dict[tuple[int, str], int] = {}

    def answer(self, click: PendingClick) -> tuple[int, int]:
        """As the script answers for one click."""
        count = self._count(click) if click.limit else 0
        if count > click.limit and click.reject:
            return REJECTED, count
        position = self._positions.get(click.rotation_pool_id, 0)
        if click.rotation and click.steps:
            self._positions[click.rotation_pool_id] = position + 1
        return position, count

    def _count(self, click: PendingClick) -> int:
        minute = int(click.at) // 60
        if minute != self._minute:
            self._minute, self._requests = minute, {}
        key = (click.pool_id, click.client)
        self._requests[key] = self._requests.get(key, 0) + 1
        return self._requests[key]
