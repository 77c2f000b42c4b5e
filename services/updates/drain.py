"""Working off one lane (U4-U6): read ahead, handle chats side by side and each in order, settle in batches.

Whoever holds the lane's lease reads its stream from the beginning: an entry stands there until its effects are in,
so whatever a dead holder left is simply read again. One greenlet reads, some handle, one commits.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from gevent import Timeout
from redis import RedisError

from services.crash import CrashPoint, crash_here
from services.dead_letters.store import explain, failure, place_of
from services.errors import Unavailable
from services.logs import bind
from services.metrics import RETRIES, UPDATE_LAG
from services.platform import Platform
from services.redis import keys, streams
from services.redis.jobs import JobName, JobQueue, enqueue, has_jobs
from services.redis.keeper import Holding
from services.redis.versions import is_newer, wait_for_newer
from services.updates.crew import Batches, Crew
from services.updates.effects import Committer, Settled
from services.updates.fairness import FairQueue
from services.updates.handling import NOTHING, Handled, Handling, Unreadable, Waiting
from services.updates.lanes import is_urgent
from services.updates.recovery import POISON, Apart, Isolation, Suspects

logger = logging.getLogger(__name__)
READ_AHEAD = 4096  # updates in memory per lane, so that a bot's backlog does not hide the others behind it
READ_AT_ONCE = 128
HANDLERS = 64  # at once per lane
HANDLERS_PER_BOT = 16
SLOW_SECONDS = (
    1.0  # a handler at work for so long counts for neither of them: it delays its own chat only (U4)
)
MOST_HANDLERS = 1024  # at once per lane with the slow ones, for the sake of memory
BACKLOG = 64  # updates of a bot in a lane from which on they begin in single file, and are judged as late as possible
COMMIT_AT_ONCE = 128
LINGER_SECONDS = 5.0  # an idle drain waits so long for more: cheaper than a job per update at low rates
LOOK_SECONDS = 2.5  # how soon a waiting reader sees a stop
GATHER_SECONDS = (
    0.008  # between two reads of a busy lane: one that brings a single entry costs as much as one of ten
)
FULL_SECONDS = 0.02  # between looks for room in memory
RETRY_DELAYS = (2.0, 4.0, 8.0)  # U6
JITTER = 0.25
STOP_SECONDS = 10.0  # how long running handlers may go on after a stop
LONGEST_SECONDS = 600.0  # then the job ends and rings again, long before RQ's limit for it
BACKOFF_SECONDS = (0.2, 3.0)  # while the database or Redis is away, doubled from the first to the second


class Drain:
    """One stay in one lane, from taking its lease to leaving it. Use once: `Drain(…).run()`."""

    def __init__(
        self,
        platform: Platform,
        handling: Handling,
        holding: Holding,
        lane: int,
        stopping: threading.Event,
        isolation: Isolation,
    ) -> None:
        self._platform = platform
        self._handling = handling
        self._holding = holding
        self._lane = lane
        self._stopping = stopping
        self._crew = Crew(
            FairQueue[Waiting](per_bot=HANDLERS_PER_BOT, in_order=True, slow=SLOW_SECONDS),
            self._handle,
            lambda: self._going,
            largest=HANDLERS,
            most=MOST_HANDLERS,
            name=f"lane-{lane}",
        )
        self._settled: Batches[tuple[Waiting, Handled]] = Batches(
            self._settle, largest=COMMIT_AT_ONCE, name=f"commit-{lane}"
        )
        self._cursor = "0"
        self._attempts: dict[str, int] = {}
        self._committer = Committer(platform.redis, lane, platform.settings.update_lanes, holding.lease.token)
        self._suspects = Suspects(platform.redis, lane, isolation)
        self._apart = Apart(self._suspects, self._crew, isolation, lambda: self._going)

    def run(self) -> None:
        """Drain until the lane stays empty, the process stops, or the lease is lost. RedisError ends it too."""
        left = False
        try:
            self._begin()
            left = self._read_for_ever()
        finally:
            self._crew.end(STOP_SECONDS if self._holding.alive else 0.0)
            self._settled.end(1.0)
            if not left and self._holding.alive:
                self._hand_back()

    # Reading

    def _begin(self) -> None:
        """Take note of what the last holder left, and let the doorbell ring again for whoever comes next."""
        redis = self._platform.redis
        redis.delete(keys.doorbell("lane", self._lane))
        stored = redis.hgetall(keys.update_attempts(self._lane))
        self._attempts = {str(entry_id): int(number) for entry_id, number in stored.items()}
        self._suspects.begin(self._holding.lease.token)
        self._apart.begin()

    def _read_for_ever(self) -> bool:
        """Read and hand out; True when the lane was left empty, False when it is to be handed back."""
        quiet_since = started = time.monotonic()
        while self._going:
            now = time.monotonic()
            if len(self._crew) >= READ_AHEAD or now - started > LONGEST_SECONDS:
                if now - started > LONGEST_SECONDS and not self._crew.running:
                    return False  # what only waits is read again by the next stay
                time.sleep(FULL_SECONDS)
            elif (found := self._read()) or len(self._crew):
                quiet_since = time.monotonic()
                time.sleep(GATHER_SECONDS if found < READ_AT_ONCE else 0)
            elif now - quiet_since >= LINGER_SECONDS or self._others_wait():
                if self._committer.leave():
                    return True
                quiet_since = now
            self._crew.offer()
        return False

    @property
    def _going(self) -> bool:
        return self._holding.alive and not self._stopping.is_set()

    def _read(self) -> int:
        """How many updates were read; -1 while Redis is away: as long as the lease stands, its return is awaited."""
        lane = keys.update_lane(self._lane)
        try:
            answer = streams.read(
                self._platform.blocking_redis,
                {lane: self._cursor},
                count=READ_AT_ONCE,
                block_seconds=LOOK_SECONDS,
            )
        except RedisError as error:
            logger.debug("lane %d cannot be read: %s", self._lane, type(error).__name__)
            time.sleep(BACKOFF_SECONDS[0])
            return -1
        entries = [self._waiting(entry_id, fields) for entry_id, fields in answer.get(lane, ())]
        if not entries:
            return 0
        self._handling.judge(
            [waiting for waiting in entries if not waiting.newer and not self._is_backlog(waiting)]
        )
        self._cursor = entries[-1].entry_id
        if self._suspects.includes(entries[0].entry_id):
            self._apart.hand_out(entries)
        else:
            self._crew.add(entries)
        return len(entries)

    def _waiting(self, entry_id: str, fields: dict[str, str]) -> Waiting:
        attempts, marks = self._attempts.pop(entry_id, 0), self._suspects.marks.pop(entry_id, 0)
        return Waiting(
            entry_id,
            int(fields["bot"]),
            fields["chat"],
            fields.get("request") or entry_id,
            fields.get("update", ""),
            attempts,
            marks,
            rank=int(not is_urgent(fields.get("update", ""))),
            newer=is_newer(fields),
        )

    def _others_wait(self) -> bool:
        """Whether lanes wait for a free worker, as happens with fewer workers than lanes."""
        settings = self._platform.settings
        crowded = settings.inbound_workers < settings.update_lanes
        return crowded and has_jobs(self._platform.redis, JobQueue.UPDATES)

    # Handling

    def _handle(self, waiting: Waiting) -> None:
        with bind(request_id=waiting.request_id, bot_id=waiting.bot_id):
            self._attempt(waiting)

    def _attempt(self, waiting: Waiting) -> None:
        try:
            if waiting.newer:
                self._leave_to_newer(waiting)
            elif waiting.marks >= POISON:
                self._give_up(waiting, "The update ended its process twice", "poison", "poison")
            elif waiting.hopeless or waiting.attempts > len(RETRY_DELAYS):
                self._give_up(waiting, waiting.error or "The handler failed too often", "", "failed")
            else:
                if self._is_backlog(waiting):
                    self._handling.turnstile.pass_through(waiting.bot_id)
                self._observe_lag(waiting)
                self._run(waiting)
        except (Unavailable, RedisError) as error:
            logger.warning("update waits: %s", error)
            self._wait_for_others(waiting)

    def _run(self, waiting: Waiting) -> None:
        try:
            handled = self._handling.handle(waiting)
        except (Unavailable, RedisError):
            raise
        except (Exception, SystemExit, Timeout) as error:  # noqa: BLE001  # a plugin is somebody else's code
            self._failed(waiting, error)
        else:
            self._settled.put((waiting, handled))

    def _is_backlog(self, waiting: Waiting) -> bool:
        return waiting.rank > 0 and self._crew.size_of(waiting.bot_id) > BACKLOG

    def _observe_lag(self, waiting: Waiting) -> None:
        if not waiting.attempts:
            UPDATE_LAG.observe(max(0.0, time.time() - int(waiting.entry_id.partition("-")[0]) / 1000))

    def _failed(self, waiting: Waiting, error: BaseException) -> None:
        """The handler's own failure: try again after a while, or give up at once."""
        waiting.attempts += 1
        waiting.hopeless = isinstance(error, Unreadable)
        waiting.error, waiting.place = explain(error), place_of(error)
        waiting.failures += (failure(error),)
        logger.warning("handler failed (attempt %d): %s", waiting.attempts, place_of(error), exc_info=error)
        with suppress(RedisError):  # then the count starts anew after a crash: a repetition more, none less
            self._platform.redis.hincrby(keys.update_attempts(self._lane), waiting.entry_id, 1)
        if waiting.hopeless or waiting.attempts > len(RETRY_DELAYS):
            self._give_up(waiting, waiting.error, "", "failed")
        else:
            RETRIES.labels("update").inc()
            delay = RETRY_DELAYS[waiting.attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
            self._crew.retry(waiting, delay)

    def _wait_for_others(self, waiting: Waiting) -> None:
        """The database or Redis is away, which is not the update's fault: wait without counting."""
        shortest, longest = BACKOFF_SECONDS
        waiting.stalls += 1
        self._crew.retry(waiting, min(longest, shortest * 2 ** min(waiting.stalls, 10)))

    def _leave_to_newer(self, waiting: Waiting) -> None:
        wait_for_newer(waiting.entry_id)
        self._handling.bury(waiting, "Written by a newer release, which did not come", "newer")
        self._settled.put((waiting, NOTHING))

    def _give_up(self, waiting: Waiting, error: str, where: str, cause: str) -> None:
        try:
            error_id = self._handling.bury(waiting, error, where or waiting.place)
        except (Unavailable, RedisError):
            raise
        except Exception:
            logger.exception("an update cannot be made a dead letter yet")
            self._wait_for_others(waiting)
            return
        logger.error("update given up (%s), error id %s", cause, error_id)
        self._settled.put((waiting, self._handling.give_up(waiting, cause, error_id)))

    # Settling

    def _settle(self, batch: Sequence[tuple[Waiting, Handled]]) -> None:
        self._commit([_settled(waiting, handled) for waiting, handled in batch])
        for waiting, _ in batch:
            waiting.settled = True
        self._crew.done(waiting for waiting, _ in batch)

    def _commit(self, batch: list[Settled]) -> None:
        """Write until it is in or the lease is lost; repeating is safe."""
        crash_here(CrashPoint.DRAIN_BEFORE_COMMIT, self._platform.settings.crash_point)
        pause = BACKOFF_SECONDS[0]
        while self._holding.alive:
            try:
                shards = self._committer.commit(batch)
                break
            except RedisError as error:
                logger.warning("effects wait for Redis: %s", type(error).__name__)
                time.sleep(pause)
                pause = min(pause * 2, BACKOFF_SECONDS[1])
        else:
            return
        if shards is None:
            logger.warning("the lease of lane %d was lost", self._lane)
            self._holding.lost()
        for shard in shards or ():
            self._ring(JobName.DRAIN_OUTBOX, shard)

    def _ring(self, job: JobName, number: int) -> None:
        with suppress(RedisError):  # the reconciler rings again
            enqueue(self._platform.job_redis, job, number)

    # Leaving

    def _hand_back(self) -> None:
        """Leave the lane with entries in it to whoever takes it next."""
        with suppress(RedisError):
            if not self._crew.running:
                self._suspects.hand_back()
            self._holding.lease.release()
            if self._platform.redis.xlen(keys.update_lane(self._lane)):
                self._ring(JobName.DRAIN_LANE, self._lane)


def _settled(waiting: Waiting, handled: Handled) -> Settled:
    marked = bool(waiting.attempts or waiting.suspected)
    return Settled(waiting.entry_id, waiting.bot_id, waiting.request_id, handled, marked)
