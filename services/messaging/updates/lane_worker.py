"""What a lane does with each update: handle it, try again after a while, or give it up."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress

from redis import RedisError

from services.alerts.dead_letters.store import cause_of, explain, failure
from services.core import tracing
from services.core.errors import Unavailable
from services.core.logs import bind
from services.core.metrics import RETRIES, UPDATE_LAG
from services.core.resting import answering
from services.messaging.updates.crash_tracker import POISON
from services.messaging.updates.effects import Committer
from services.messaging.updates.effects_writer import EffectsWriter
from services.messaging.updates.event_reader import Unreadable
from services.messaging.updates.queued_update import EMPTY_RESULT, PROCESS_KILLED, QueuedUpdate
from services.messaging.updates.timings import UpdateTimings
from services.messaging.updates.trials import Trials, is_accused
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.schema_version import wait_for_newer
from services.queueing.bot_throttle import BacklogGate
from services.queueing.fair_queue import FairQueue
from services.queueing.greenlet_pool import BatchWriter, GreenletPool

logger = logging.getLogger(__name__)
HANDLERS = 64  # at once per lane
HANDLERS_PER_BOT = 16
MAX_HANDLERS = 1024  # at once per lane with the slow ones, for the sake of memory
BACKLOG = 64  # updates of a bot in a lane from which on they make way for other bots, and are judged as late as possible
COMMIT_AT_ONCE = 128
POISONOUS = "The update ended its process, or had it stand still, each time it ran alone"
JITTER = 0.25  # of a delay before a repetition


class LaneWorker:
    """Handles the updates of one lane, chats side by side and each in order, and has what came of them written.

    `pool` takes the updates; `going` turning False ends the taking.
    """

    def __init__(
        self,
        platform: Platform,
        processor: UpdateProcessor,
        held: HeldLease,
        lane: int,
        committer: Committer,
        trials: Trials,
        timings: UpdateTimings,
        going: Callable[[], bool],
    ) -> None:
        self._redis = platform.redis
        self._processor = processor
        self._lane = lane
        self._trials = trials
        self._timings = timings
        queue = FairQueue[QueuedUpdate](
            per_bot=HANDLERS_PER_BOT,
            gate=BacklogGate[QueuedUpdate](
                processor.throttle, lambda queued: is_backlog(queued, queue.size_of(queued.bot_id))
            ),
            in_order=True,
            slow=timings.slow_handler,
        )
        self.pool = GreenletPool(
            queue, self._work, going, largest=HANDLERS, most=MAX_HANDLERS, name=f"lane-{lane}"
        )
        effects = EffectsWriter(platform, held, committer, self.pool.done, self._unwritable, timings.backoff)
        self._results = BatchWriter(effects.write, largest=COMMIT_AT_ONCE, name=f"commit-{lane}")

    def judge(self, entries: Sequence[QueuedUpdate]) -> None:
        """Judge ahead what can be; the rest, whatever the reason, is judged when it is handled, and fails there alone."""
        try:
            self._processor.judge([each for each in entries if self._is_judged_ahead(each)])
        except Exception:
            logger.exception("updates are judged one by one")

    def end(self, patience: float) -> None:
        """Let running handlers end, for `patience` seconds at most, and have their effects written."""
        self.pool.end(patience)
        self._results.end(1.0)

    def _is_judged_ahead(self, queued: QueuedUpdate) -> bool:
        if queued.newer or queued.non_retryable:
            return False
        return not is_backlog(queued, self.pool.size_of(queued.bot_id))

    def _work(self, queued: QueuedUpdate) -> None:
        with bind(request_id=queued.request_id, bot_id=queued.bot_id):
            try:
                self._process(queued)
            except (Unavailable, RedisError) as error:
                logger.warning("update waits: %s", error)
                self._back_off(queued)

    def _process(self, queued: QueuedUpdate) -> None:
        if queued.newer:
            self._leave_to_newer(queued)
        elif queued.marks >= POISON:
            self._give_up(queued, POISONOUS, "poison", PROCESS_KILLED)
        elif self._is_exhausted(queued):
            self._give_up(queued, queued.error or "The handler failed too often", queued.place, queued.raised)
        elif is_accused(queued) and (seconds := self._trials.wait()):
            self.pool.retry(queued, seconds)
        else:
            _observe_lag(queued)
            self._handle(queued)

    def _handle(self, queued: QueuedUpdate) -> None:
        began = time.time_ns()
        try:
            with self._trials.held(queued) if is_accused(queued) else nullcontext():
                result = self._processor.handle(queued)
        except (Unavailable, RedisError):
            raise
        except BaseException as error:  # noqa: BLE001  # a plugin is somebody else's code, and may raise anything
            _trace(queued, began, type(error).__name__)
            self._failed(queued, error)
        else:
            answering.note()
            _trace(queued, began)
            self._results.put((queued, result))

    # Failures

    def _failed(self, queued: QueuedUpdate, error: BaseException) -> None:
        """The handler's own failure: try again after a while, or give up at once."""
        _note_failure(queued, error)
        level = logging.ERROR if self._is_exhausted(queued) else logging.WARNING
        logger.log(level, "handler failed (attempt %d): %s", queued.attempts, queued.place, exc_info=error)
        with suppress(RedisError):  # then the count starts anew after a crash: a repetition more, none less
            self._redis.hincrby(keys.update_attempts(self._lane), queued.entry_id, 1)
        if self._is_exhausted(queued):
            self._give_up(queued, queued.error, queued.place, queued.raised)
        else:
            self._retry(queued)

    def _unwritable(self, queued: QueuedUpdate, error: BaseException) -> None:
        """What came of it cannot be written: its handler's failure, or that of the error handlers when it was given up."""
        if self._is_exhausted(queued) or queued.marks >= POISON:
            logger.error("what error handlers wanted cannot be written", exc_info=error)
            self._results.put((queued, EMPTY_RESULT))
            return
        try:
            self._failed(queued, error)
        except (Unavailable, RedisError) as away:
            logger.warning("update waits: %s", away)
            self._back_off(queued)

    def _is_exhausted(self, queued: QueuedUpdate) -> bool:
        return queued.non_retryable or queued.attempts > len(self._timings.retry_delays)

    def _retry(self, queued: QueuedUpdate) -> None:
        RETRIES.labels("update").inc()
        delay = self._timings.retry_delays[queued.attempts - 1]
        self.pool.retry(queued, delay * random.uniform(1 - JITTER, 1 + JITTER))

    def _back_off(self, queued: QueuedUpdate) -> None:
        """The database or Redis is away, which is not the update's fault: wait without counting."""
        shortest, longest = self._timings.backoff
        queued.backoffs += 1
        self.pool.retry(queued, min(longest, shortest * 2 ** min(queued.backoffs, 10)))

    def _leave_to_newer(self, queued: QueuedUpdate) -> None:
        wait_for_newer(queued.entry_id)
        self._processor.letters.store(queued, "Written by a newer release, which did not come", "newer")
        self._results.put((queued, EMPTY_RESULT))

    def _give_up(self, queued: QueuedUpdate, error: str, where: str, cause: str) -> None:
        """Make it a dead letter and run the bot's error handlers, which are told the `cause`: the exception's class, or
        PROCESS_KILLED. Unavailable or RedisError come out.
        """
        try:
            error_id = self._processor.letters.store(queued, error, where)
        except (Unavailable, RedisError):
            raise
        except Exception:
            logger.exception("an update cannot be made a dead letter yet")
            self._back_off(queued)
            return
        logger.error("update given up (%s), error id %s", cause, error_id)
        self._results.put((queued, self._processor.give_up(queued, cause, error_id)))


def _note_failure(queued: QueuedUpdate, error: BaseException) -> None:
    queued.attempts += 1
    queued.non_retryable = isinstance(error, Unreadable)
    queued.error, queued.place = explain(error), cause_of(error)
    queued.raised = type(error).__name__
    queued.failures += (failure(error),)


def is_backlog(queued: QueuedUpdate, size: int) -> bool:
    """Whether the update is one of too many of its bot, which has `size` in the lane. Taps and checkouts never are."""
    return queued.rank > 0 and size > BACKLOG


def _observe_lag(queued: QueuedUpdate) -> None:
    if not queued.attempts:
        UPDATE_LAG.observe(max(0.0, time.time() - int(queued.entry_id.partition("-")[0]) / 1000))


def _trace(queued: QueuedUpdate, began: int, failure: str = "") -> None:
    """Note a handler that ended now, with the class of what it raised."""
    if tracing.current is None:
        return
    if not queued.attempts:
        tracing.current.taken_up(queued.request_id, queued.entry_id, began, queued.bot_id)
    tracing.current.handled(
        queued.request_id, began, failure, bot_id=queued.bot_id, attempt=queued.attempts + 1
    )
