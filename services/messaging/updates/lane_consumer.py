"""Working off one lane: read ahead, handle chats side by side and each in order, settle in batches.

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

from services.alerts.dead_letters.store import explain, failure, place_of
from services.core.errors import Unavailable
from services.core.logs import bind
from services.core.metrics import RETRIES, UPDATE_LAG
from services.messaging.updates.crash_tracker import POISON, CrashTracker, Quarantine, SharedQuarantine
from services.messaging.updates.effects import Committer
from services.messaging.updates.effects_writer import EffectsWriter
from services.messaging.updates.event_reader import Unreadable
from services.messaging.updates.queued_update import EMPTY_RESULT, QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys, streams
from services.platform.redis.jobs import JobName, JobQueue, enqueue, has_jobs
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.schema_version import is_newer, wait_for_newer
from services.queueing.fair_queue import FairQueue
from services.queueing.greenlet_pool import BatchWriter, GreenletPool
from services.queueing.lanes import is_urgent

logger = logging.getLogger(__name__)
READ_AHEAD = 4096  # updates in memory per lane, so that a bot's backlog does not hide the others behind it
READ_AT_ONCE = 128
HANDLERS = 64  # at once per lane
HANDLERS_PER_BOT = 16
SLOW_SECONDS = 1.0  # a handler at work for so long counts for neither of them: it delays its own chat only
MAX_HANDLERS = 1024  # at once per lane with the slow ones, for the sake of memory
BACKLOG = 64  # updates of a bot in a lane from which on they begin in single file, and are judged as late as possible
COMMIT_AT_ONCE = 128
IDLE_TIMEOUT_SECONDS = 5.0  # an idle drain waits so long for more: cheaper than a job per update at low rates
READ_TIMEOUT_SECONDS = 2.5  # how soon a waiting reader sees a stop
BATCH_DELAY_SECONDS = (
    0.008  # between two reads of a busy lane: one that brings a single entry costs as much as one of ten
)
FULL_POLL_SECONDS = 0.02  # between looks for room in memory
RETRY_DELAYS = (2.0, 4.0, 8.0)
JITTER = 0.25
SHUTDOWN_TIMEOUT_SECONDS = 10.0  # how long running handlers may go on after a stop
MAX_STAY_SECONDS = 600.0  # then the job ends and rings again, long before RQ's limit for it
BACKOFF_SECONDS = (0.2, 3.0)  # while the database or Redis is away, doubled from the first to the second


class LaneConsumer:
    """One stay in one lane, from taking its lease to leaving it. Use once: `LaneConsumer(…).run()`."""

    def __init__(
        self,
        platform: Platform,
        processor: UpdateProcessor,
        held: HeldLease,
        lane: int,
        stopping: threading.Event,
        shared: SharedQuarantine,
    ) -> None:
        self._platform = platform
        self._processor = processor
        self._lease = held
        self._lane = lane
        self._stopping = stopping
        self._pool = GreenletPool(
            FairQueue[QueuedUpdate](per_bot=HANDLERS_PER_BOT, in_order=True, slow=SLOW_SECONDS),
            self._handle,
            lambda: self._running,
            largest=HANDLERS,
            most=MAX_HANDLERS,
            name=f"lane-{lane}",
        )
        self._cursor = "0"
        self._attempts: dict[str, int] = {}
        self._committer = Committer(platform.redis, lane, platform.settings.update_lanes, held.lease.token)
        effects = EffectsWriter(platform, held, self._committer, self._pool.done, self._failed)
        self._results = BatchWriter(effects.write, largest=COMMIT_AT_ONCE, name=f"commit-{lane}")
        self._crashes = CrashTracker(platform.redis, lane, shared)
        self._quarantine = Quarantine(self._crashes, self._pool, shared, lambda: self._running)

    def run(self) -> None:
        """Drain until the lane stays empty, the process stops, or the lease is lost. RedisError ends it too."""
        left = False
        try:
            self._begin()
            left = self._read_for_ever()
        finally:
            self._pool.end(SHUTDOWN_TIMEOUT_SECONDS if self._lease.alive else 0.0)
            self._results.end(1.0)
            if not left and self._lease.alive:
                self._hand_back()

    # Reading

    def _begin(self) -> None:
        """Take note of what the last holder left, and let the doorbell ring again for whoever comes next."""
        redis = self._platform.redis
        redis.delete(keys.wakeup("lane", self._lane))
        stored = redis.hgetall(keys.update_attempts(self._lane))
        self._attempts = {str(entry_id): int(number) for entry_id, number in stored.items()}
        self._crashes.begin(self._lease.lease.token)
        self._quarantine.begin()

    def _read_for_ever(self) -> bool:
        """Read and hand out; True when the lane was left empty, False when it is to be handed back."""
        quiet_since = started = time.monotonic()
        while self._running:
            now = time.monotonic()
            if len(self._pool) >= READ_AHEAD or now - started > MAX_STAY_SECONDS:
                if now - started > MAX_STAY_SECONDS and not self._pool.running:
                    return False  # what only waits is read again by the next stay
                time.sleep(FULL_POLL_SECONDS)
            elif (found := self._read()) or len(self._pool):
                quiet_since = time.monotonic()
                time.sleep(BATCH_DELAY_SECONDS if found < READ_AT_ONCE else 0)
            elif now - quiet_since >= IDLE_TIMEOUT_SECONDS or self._others_wait():
                if self._committer.leave():
                    return True
                quiet_since = now
            self._pool.wake()
        return False

    @property
    def _running(self) -> bool:
        return self._lease.alive and not self._stopping.is_set()

    def _read(self) -> int:
        """How many updates were read; -1 while Redis is away: as long as the lease stands, its return is awaited."""
        lane = keys.update_lane(self._lane)
        try:
            answer = streams.read(
                self._platform.blocking_redis,
                {lane: self._cursor},
                count=READ_AT_ONCE,
                block_seconds=READ_TIMEOUT_SECONDS,
            )
        except RedisError as error:
            logger.debug("lane %d cannot be read: %s", self._lane, type(error).__name__)
            time.sleep(BACKOFF_SECONDS[0])
            return -1
        entries = [self._queued(entry_id, fields) for entry_id, fields in answer.get(lane, ())]
        if not entries:
            return 0
        self._judge(entries)
        self._cursor = entries[-1].entry_id
        if self._crashes.includes(entries[0].entry_id):
            self._quarantine.hand_out(entries)
        else:
            self._pool.add(entries)
        return len(entries)

    def _judge(self, entries: Sequence[QueuedUpdate]) -> None:
        """Judge ahead what can be; the rest, whatever the reason, is judged when it is handled, and fails there alone."""
        try:
            self._processor.judge(
                [
                    each
                    for each in entries
                    if not each.newer and not each.non_retryable and not self._is_backlog(each)
                ]
            )
        except Exception:
            logger.exception("updates are judged one by one")

    def _queued(self, entry_id: str, fields: dict[str, str]) -> QueuedUpdate:
        if not fields.get("bot", "").isdecimal() or "chat" not in fields:
            return QueuedUpdate(
                entry_id, 0, "0", entry_id, "", non_retryable=True, error="The entry names no bot"
            )
        attempts, marks = self._attempts.pop(entry_id, 0), self._crashes.marks.pop(entry_id, 0)
        return QueuedUpdate(
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

    def _handle(self, queued: QueuedUpdate) -> None:
        with bind(request_id=queued.request_id, bot_id=queued.bot_id):
            self._attempt(queued)

    def _attempt(self, queued: QueuedUpdate) -> None:
        try:
            if queued.newer:
                self._leave_to_newer(queued)
            elif queued.marks >= POISON:
                self._give_up(queued, "The update ended its process twice", "poison", "poison")
            elif queued.non_retryable or queued.attempts > len(RETRY_DELAYS):
                self._give_up(queued, queued.error or "The handler failed too often", "", "failed")
            else:
                if self._is_backlog(queued):
                    self._processor.throttle.wait(queued.bot_id)
                self._observe_lag(queued)
                self._run(queued)
        except (Unavailable, RedisError) as error:
            logger.warning("update waits: %s", error)
            self._wait_for_others(queued)

    def _run(self, queued: QueuedUpdate) -> None:
        try:
            result = self._processor.handle(queued)
        except (Unavailable, RedisError):
            raise
        except (Exception, SystemExit, Timeout) as error:  # noqa: BLE001  # a plugin is somebody else's code
            self._failed(queued, error)
        else:
            self._results.put((queued, result))

    def _is_backlog(self, queued: QueuedUpdate) -> bool:
        return queued.rank > 0 and self._pool.size_of(queued.bot_id) > BACKLOG

    def _observe_lag(self, queued: QueuedUpdate) -> None:
        if not queued.attempts:
            UPDATE_LAG.observe(max(0.0, time.time() - int(queued.entry_id.partition("-")[0]) / 1000))

    def _failed(self, queued: QueuedUpdate, error: BaseException) -> None:
        """The handler's own failure: try again after a while, or give up at once."""
        queued.attempts += 1
        queued.non_retryable = isinstance(error, Unreadable)
        queued.error, queued.place = explain(error), place_of(error)
        queued.failures += (failure(error),)
        logger.warning("handler failed (attempt %d): %s", queued.attempts, place_of(error), exc_info=error)
        with suppress(RedisError):  # then the count starts anew after a crash: a repetition more, none less
            self._platform.redis.hincrby(keys.update_attempts(self._lane), queued.entry_id, 1)
        if queued.non_retryable or queued.attempts > len(RETRY_DELAYS):
            self._give_up(queued, queued.error, "", "failed")
        else:
            RETRIES.labels("update").inc()
            delay = RETRY_DELAYS[queued.attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
            self._pool.retry(queued, delay)

    def _wait_for_others(self, queued: QueuedUpdate) -> None:
        """The database or Redis is away, which is not the update's fault: wait without counting."""
        shortest, longest = BACKOFF_SECONDS
        queued.backoffs += 1
        self._pool.retry(queued, min(longest, shortest * 2 ** min(queued.backoffs, 10)))

    def _leave_to_newer(self, queued: QueuedUpdate) -> None:
        wait_for_newer(queued.entry_id)
        self._processor.letters.store(queued, "Written by a newer release, which did not come", "newer")
        self._results.put((queued, EMPTY_RESULT))

    def _give_up(self, queued: QueuedUpdate, error: str, where: str, cause: str) -> None:
        try:
            error_id = self._processor.letters.store(queued, error, where or queued.place)
        except (Unavailable, RedisError):
            raise
        except Exception:
            logger.exception("an update cannot be made a dead letter yet")
            self._wait_for_others(queued)
            return
        logger.error("update given up (%s), error id %s", cause, error_id)
        self._results.put((queued, self._processor.give_up(queued, cause, error_id)))

    def _wake(self, job: JobName, number: int) -> None:
        with suppress(RedisError):  # the reconciler rings again
            enqueue(self._platform.job_redis, job, number)

    # Leaving

    def _hand_back(self) -> None:
        """Leave the lane with entries in it to whoever takes it next."""
        with suppress(RedisError):
            if not self._pool.running:
                self._crashes.hand_back()
            self._lease.release()
            if self._platform.redis.xlen(keys.update_lane(self._lane)):
                self._wake(JobName.DRAIN_LANE, self._lane)
