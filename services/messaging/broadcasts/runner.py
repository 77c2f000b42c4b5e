"""The one process of an installation that works at the ledgers: prepares them, feeds outboxes, writes down what came of it.

It holds a lease whose token fences what it writes into Redis. What it has in memory is found in the ledger again by whoever
comes next: who waits, who was claimed, and in Redis who of the claimed was given to an outbox.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from redis import RedisError
from sqlalchemy import select

from models import Broadcast, BroadcastStatus
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.messaging.broadcasts import ledger
from services.messaging.broadcasts.due import AWAKE, is_out_of_step, keep_quiet, needs_work, start_due
from services.messaging.broadcasts.feed import Feed
from services.messaging.broadcasts.moving import move
from services.messaging.broadcasts.outbox_link import OutboxLink, Settled, arm, go_on, halt, has_braked
from services.messaging.broadcasts.outcomes import Outcome
from services.messaging.broadcasts.preparing import prepare_slice
from services.messaging.broadcasts.telling import tell_of_end
from services.platform.platform import Platform
from services.platform.redis import broadcast_keys, keys
from services.platform.redis.jobs import JobName, wake
from services.platform.redis.lease_renewer import HeldLease

logger = logging.getLogger(__name__)
LEASE: Final = "broadcasts"
DOORBELL: Final = "broadcasts"
AT_ONCE: Final = 100  # outcomes of one commit


@dataclass(frozen=True)
class BroadcastTimings:
    """All in seconds."""

    look: float = 0.5  # between looks for broadcasts that began, paused or are due
    patience: float = 0.1  # between two looks for outcomes, and at what may be given to outboxes
    gather: float = 1.0  # outcomes for one commit
    idle_timeout: float = 5.0  # without a broadcast
    max_stay: float = 600.0
    backoff: float = 0.5  # while the database or Redis is away


DEFAULT_TIMINGS: Final = BroadcastTimings()


def wake_if_broadcasting(platform: Platform) -> bool:
    """Ring for somebody who works at the ledgers, if a broadcast needs it. Raises RedisError, Unavailable."""
    if platform.redis.exists(keys.lease(LEASE)):
        return False
    with platform.database.reading() as session:
        is_needed = needs_work(session, utc_now())
    if not is_needed and not platform.redis.xlen(broadcast_keys.outcomes()):
        return False
    return wake(platform.redis, platform.job_redis, JobName.RUN_BROADCASTS, DOORBELL)


def run_broadcasts(
    platform: Platform, stopping: threading.Event, timings: BroadcastTimings = DEFAULT_TIMINGS
) -> None:
    """Work at the ledgers until no broadcast needs it; at once over when somebody else does. Raises RedisError."""
    platform.redis.delete(keys.wakeup(DOORBELL, 0))
    held = platform.leases.take(LEASE)
    if held is None:
        return
    try:
        BroadcastRunner(platform, held, stopping, timings).run()
    finally:
        held.release()


class BroadcastRunner:
    """One stay at the ledgers. Use once: `BroadcastRunner(…).run()`."""

    def __init__(
        self, platform: Platform, held: HeldLease, stopping: threading.Event, timings: BroadcastTimings
    ) -> None:
        self._platform = platform
        self._lease = held
        self._stopping = stopping
        self._timings = timings
        self._link = OutboxLink(platform, held)
        self._feeds: dict[int, Feed] = {}
        self._preparing: list[int] = []
        self._looked = -timings.look
        self._unsettled: list[Settled] = []
        self._settled = 0.0  # when

    def run(self) -> None:
        """Until nothing needs it for a while, the process stops, or the lease is lost."""
        ends = time.monotonic() + self._timings.max_stay
        busy_at = time.monotonic()
        while self._lease.alive and not self._stopping.is_set() and time.monotonic() < ends:
            try:
                if self._pass():
                    busy_at = time.monotonic()
            except (RedisError, Unavailable) as error:
                logger.warning("broadcasts wait: %s", type(error).__name__)
                self._begin_anew()
                self._stopping.wait(self._timings.backoff)
            if time.monotonic() - busy_at > self._timings.idle_timeout:
                return

    def _begin_anew(self) -> None:
        """What is in memory may not be what is in the ledger: it is read again."""
        self._link.again()
        self._unsettled.clear()
        self._feeds.clear()
        self._looked = -self._timings.look

    def _pass(self) -> bool:
        """One round; whether a broadcast needs the next one."""
        if not self._feeds:
            self._drain()  # nothing is claimed again while old outcomes are unread
        if time.monotonic() - self._looked >= self._timings.look:
            self._look()
        heard = self._listen()
        now = time.monotonic()
        if len(self._unsettled) >= AT_ONCE or (
            self._unsettled and now - self._settled >= self._timings.gather
        ):
            self._settle()
        for feed in list(self._feeds.values()):
            self._serve(feed)
        is_busy = bool(self._feeds or self._preparing or heard)
        for broadcast_id in list(self._preparing):
            if not prepare_slice(self._platform, broadcast_id):
                self._preparing.remove(broadcast_id)
                self._looked = -self._timings.look
        return is_busy  # what was prepared just now runs from the next round on

    def _listen(self) -> list[Settled]:
        """Wait for outcomes. Beside a running broadcast they come all the time, so each look for them takes what has gathered."""
        if self._preparing:
            return self._heard(0.001)
        if not self._feeds:
            return self._heard(self._timings.patience)
        time.sleep(self._timings.patience)
        return self._heard(0.001)

    def _heard(self, patience: float) -> list[Settled]:
        """New outcomes, noted before they are written down."""
        settled, now = self._link.read(patience), time.monotonic()
        for each in settled:
            feed = self._feeds.get(each.broadcast_id)
            if feed is not None:
                feed.hear(each.telegram_id, each.outcome, now)
        self._unsettled += settled
        return settled

    def _drain(self) -> None:
        while self._heard(0.001) or self._unsettled:
            self._settle()

    def _look(self) -> None:
        """Which broadcasts run, which are to be prepared, and what the clock says."""
        self._looked, now = time.monotonic(), utc_now()
        start_due(self._platform, now)
        with self._platform.database.reading() as session:
            awake = list(session.scalars(select(Broadcast).where(AWAKE).order_by(Broadcast.id)))
        for broadcast in awake:
            if is_out_of_step(broadcast, now):
                keep_quiet(self._platform, broadcast.id, now)
                self._looked = -self._timings.look
        running = {each.id: each for each in awake if each.status == BroadcastStatus.RUNNING}
        self._preparing = [each.id for each in awake if each.status == BroadcastStatus.PREPARING]
        for number in self._feeds.keys() - running.keys():
            halt(self._platform, number)  # whoever paused it has marked it, unless Redis was away
            del self._feeds[number]
        for number in list(self._feeds):
            if self._feeds[number].is_halted_for_nothing():
                go_on(self._platform, number)
        for number, broadcast in running.items():
            if number not in self._feeds and not is_out_of_step(broadcast, now):
                self._drain()
                if not has_braked(self._platform, number):  # by a process that died before it said so
                    arm(self._platform, number, broadcast.brake_percent)
                feed = Feed(self._platform, self._link, broadcast)
                if feed.begin():
                    self._feeds[number] = feed

    def _settle(self) -> None:
        """Write what was heard into the ledgers, then forget it in Redis."""
        self._settled = time.monotonic()
        while self._unsettled:
            batch = self._unsettled[:AT_ONCE]
            by_broadcast: defaultdict[int, dict[int, Outcome]] = defaultdict(dict)
            for each in batch:
                by_broadcast[each.broadcast_id][each.telegram_id] = each.outcome
            for broadcast_id, outcomes in by_broadcast.items():
                self._write_down(broadcast_id, outcomes)
            self._link.forget(batch)
            del self._unsettled[: len(batch)]

    def _write_down(self, broadcast_id: int, outcomes: Mapping[int, Outcome]) -> None:
        with self._platform.database.transaction() as session:
            broadcast = session.get(Broadcast, broadcast_id, with_for_update=True)
            written = [] if broadcast is None else ledger.settle(session, broadcast, outcomes)
        if broadcast_id in self._feeds:
            self._feeds[broadcast_id].note(written)

    def _serve(self, feed: Feed) -> None:
        """Brake it, end it, or give more of it to the outboxes."""
        if feed.brake.is_on and has_braked(self._platform, feed.id):
            self._end(feed, BroadcastStatus.BRAKED, "brake")
        elif feed.is_over and feed.is_finished():
            self._end(feed, BroadcastStatus.DONE)
        elif not feed.feed():
            self._lease.lost()

    def _end(self, feed: Feed, status: BroadcastStatus, cause: str = "") -> None:
        with self._platform.database.transaction() as session:
            broadcast = session.get(Broadcast, feed.id, with_for_update=True)
            if broadcast is not None and broadcast.status == BroadcastStatus.RUNNING:
                move(broadcast, status, cause)
                tell_of_end(session, broadcast)
                logger.info("broadcast %d is %s", feed.id, status)
        with suppress(KeyError):
            del self._feeds[feed.id]
