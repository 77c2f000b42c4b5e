"""Serving programs that speak to Redis themselves: nobody calls us when they acknowledge or want something called (ADR 43).

A bot is looked at while it has updates or calls. Those that sleep cost one question for all of them, four times a second, and
are woken by the hints of the queues.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from redis import RedisError
from redis.exceptions import OutOfMemoryError

from services.alerts.dead_letters.replay_id import replay_of
from services.core.errors import Unavailable
from services.fleet.workers.access_keeper import AccessKeeper, StreamWorker
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.workers import bot_api, giving
from services.messaging.workers.giving import WorkGiver
from services.messaging.workers.streams.outgoing import CallMover
from services.messaging.workers.streams.watchlist import DEFAULT_TIMINGS, StreamTimings, Watchlist
from services.messaging.workers.webhooks import runners
from services.platform.platform import Platform
from services.queueing import work_streams
from services.queueing.work_hints import WorkHints
from services.queueing.work_queue import GIVEN_BACK, MOST_DELIVERIES, UNTRIED
from services.queueing.work_streams import Look

logger = logging.getLogger(__name__)
BACKOFF_SECONDS: Final = 0.3
OURS: Final = (giving.CONSUMER, bot_api.CONSUMER, runners.CONSUMER, GIVEN_BACK, UNTRIED)
EXHAUSTED: Final = "The worker was given the update {times} times and acknowledged none of them"
# Beyond either XADD is refused until half is gone: entries of `outgoing`, or bytes.
MOST_CALLS: Final = 10_000
MOST_BYTES: Final = 16 << 20
MANY_NAMES, TOO_MANY_NAMES, NAME_IDLE_SECONDS = 100, 1000, 3600.0  # of consumers


def serve_streams(platform: Platform, goes_on: Callable[[], bool]) -> None:
    """Serve all programs that speak to Redis for as long as `goes_on()`; begins anew when Redis was away or restarted."""
    server = StreamServer(platform)
    while goes_on():
        try:
            server.turn()
        except RedisError as error:
            logger.warning("programs that speak to Redis are not served: %s", type(error).__name__)
            time.sleep(BACKOFF_SECONDS)
            server = StreamServer(platform)


class StreamServer:
    """What one process serves programs by. Two at once do no harm: every step counts once."""

    def __init__(self, platform: Platform, timings: StreamTimings = DEFAULT_TIMINGS) -> None:
        self._platform = platform
        self._timings = timings
        self._keeper = AccessKeeper(platform)
        self._mover = CallMover(platform)
        self._giver = WorkGiver(platform)
        self._watchlist = Watchlist(timings)
        self._workers: Mapping[int, StreamWorker] = {}
        self._hints = WorkHints(platform.blocking_redis)
        self._users_at = self._every_at = self._sleepers_at = self._turned_at = 0.0

    def turn(self) -> None:
        """Wait for what is due next, and do it. Raises RedisError."""
        if time.monotonic() >= self._users_at:
            self._keep_users()
        self._hear()
        now = time.monotonic()
        if now >= self._sleepers_at:
            self._wake_sleepers(now)
        self._serve([self._workers[bot_id].identity for bot_id in self._watchlist.due(now)])

    def _keep_users(self) -> None:
        """Users of Redis as the database says; while it is away those that are known go on."""
        now = time.monotonic()
        self._users_at = now + self._timings.users
        try:
            self._workers = {each.identity.bot_id: each for each in self._keeper.round()}
        except Unavailable as error:
            logger.warning("programs' users in Redis stay as they are: %s", error.code)
        self._watchlist.keep(self._workers)
        if now >= self._every_at:
            self._every_at = now + self._timings.every
            self._watchlist.look(self._workers, now)

    def _hear(self) -> None:
        """Wait for hints until something is due, but for a moment at least: what comes together is done together."""
        time.sleep(max(0.0, self._turned_at + self._timings.busy - time.monotonic()))
        due = self._watchlist.next_look(min(self._users_at, self._sleepers_at))
        wait = min(due, self._users_at, self._sleepers_at) - time.monotonic()
        if not self._hints.began:
            self._hints.begin()
        for bot_id in self._hints.wait(wait) & self._workers.keys():
            self._watchlist.wake(bot_id, time.monotonic())
        self._turned_at = time.monotonic()

    def _wake_sleepers(self, now: float) -> None:
        self._sleepers_at = now + self._timings.sleeping
        sleepers = self._watchlist.sleepers(self._workers)
        asked = [(bot_id, self._workers[bot_id].identity.public_id) for bot_id in sleepers]
        if work_streams.has_calls(self._platform.redis, asked):
            self._watchlist.look(sleepers, now)

    def _serve(self, workers: list[WorkerIdentity]) -> None:
        """Look at these bots: move their calls, then settle what was acknowledged, so that answers keep their order."""
        if not workers:
            return
        redis = self._platform.redis
        looks = work_streams.look_at(redis, [_bot(each) for each in workers], OURS)
        found = list(zip(workers, looks, strict=True))
        moved: set[int] = set()
        with _unless_full():
            moved = self._move([worker for worker, look in found if look.calls or self._is_silent(worker)])
        acknowledged = [
            (
                _bot(worker),
                [replace(each, replay=replay_of(each.request_id, "update")) for each in look.acknowledged],
            )
            for worker, look in found
            if look.acknowledged
        ]
        if acknowledged:
            work_streams.settle_acknowledged(redis, acknowledged)
        for worker, look in found:
            self._tidy(worker, look)
            self._watchlist.note(worker.bot_id, look, time.monotonic(), moved=worker.bot_id in moved)
        with _unless_full():
            self._take_back({worker.bot_id: worker for worker, look in found if look.given})

    def _tidy(self, worker: WorkerIdentity, look: Look) -> None:
        if look.consumers > MANY_NAMES:
            idle = 0.0 if look.consumers > TOO_MANY_NAMES else NAME_IDLE_SECONDS
            work_streams.drop_consumers(self._platform.redis, worker.public_id, idle)

    def _is_silent(self, worker: WorkerIdentity) -> bool:
        return self._keeper.is_silent(worker.public_id)

    def _move(self, workers: list[WorkerIdentity]) -> set[int]:
        """Move calls; of which bots there were some. A program that writes faster than they can be sent may not write until
        half is gone.
        """
        pages = list(zip(workers, self._mover.move(workers), strict=True))
        for worker, page in pages:
            part = max(page.waiting / MOST_CALLS, page.size / MOST_BYTES)
            if part >= 1 or (part < 0.5 and self._is_silent(worker)):
                self._keeper.silence(self._workers[worker.bot_id], part >= 1)
        return {worker.bot_id for worker, page in pages if page.entries}

    def _take_back(self, holding: Mapping[int, WorkerIdentity]) -> None:
        """Offer again what was given out and not answered in time; a dead letter of what was given out too often."""
        late = [holding[bot_id] for bot_id in self._watchlist.late(holding, time.monotonic())]
        if not late:
            return
        asked = [(_bot(worker), worker.lease_seconds) for worker in late]
        exhausted = work_streams.take_back_late(self._platform.redis, asked)
        told = EXHAUSTED.format(times=MOST_DELIVERIES)
        try:
            for worker, works in zip(late, exhausted, strict=True):
                for work in works:
                    self._giver.give_up(worker, work, told, "worker: no acknowledgement")
        except Unavailable as error:
            logger.warning("dead letters of programs wait for the database: %s", error.code)


@contextmanager
def _unless_full() -> Iterator[None]:
    """What needs room in Redis waits until there is some; settling goes on, which makes it."""
    try:
        yield
    except OutOfMemoryError:
        logger.warning("Redis is full: calls of programs, and what they are late with, wait")


def _bot(worker: WorkerIdentity) -> work_streams.Bot:
    return worker.bot_id, worker.public_id
