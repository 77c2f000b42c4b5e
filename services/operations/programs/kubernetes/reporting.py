"""Telling Redis how the programs of a cluster are, as every driver does: copies, ends, samples for the chart."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from redis import RedisError

from services.core.i18n import Text
from services.core.metrics import WORKER_RESTARTS
from services.fleet.workers.copies import (
    Copies,
    CopiesState,
    all_copies,
    exits_of,
    put_copies,
    put_exit,
    put_output,
    put_sample,
)
from services.fleet.workers.programs import Program
from services.operations.programs.kubernetes.states import Ended
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.redis.jobs import JobName, enqueue
from services.platform.redis.trouble import redis_trouble
from services.queueing.work_queue import lags

logger = logging.getLogger(__name__)
MOST_KNOWN: Final = 10_000  # ends; a cluster remembers far fewer


class Reporter:
    """What was told of the programs, so that only what is new is told. Nothing raises: Redis is told when it is back."""

    def __init__(self, platform: Platform, sample_seconds: float) -> None:
        self._platform = platform
        self._redis = platform.redis
        self._sample = sample_seconds
        self._sampled = 0.0
        self._told: dict[int, Copies] | None = None
        self._ends: dict[str, None] = {}  # in the order in which they were seen

    def tell(
        self, states: Mapping[int, Copies], programs: Sequence[Program], ends: Mapping[int, Sequence[Ended]]
    ) -> None:
        """Say how the copies of each bot are, and how some of them ended. A bot that is said to be nowhere has ended whole."""
        try:
            told = self._known()
            self._tell_copies(told, states)
            for bot_id, ended in ends.items():
                self._tell_ends(bot_id, ended)
            self._tell_samples(states, programs)
            for bot_id in told.keys() - states.keys():
                self._redis.hdel(work_keys.programs(), str(bot_id))
                enqueue(self._platform.job_redis, JobName.RECONCILE_BOT, bot_id)  # its end may wait for that
                del told[bot_id]
        except RedisError as error:
            self._wait_for_redis(error)

    def tell_silence(self, bot_ids: Sequence[int], reason: Text) -> None:
        """Say of these bots why nothing is known of their copies; what was said of them before stands."""
        try:
            told = self._known()
            unknown = troubled(Copies(), reason)
            states = {each: replace(told.get(each, unknown), reason=reason) for each in bot_ids}
            self._tell_copies(told, states)
        except RedisError as error:
            self._wait_for_redis(error)

    def _known(self) -> dict[int, Copies]:
        """What Redis was told, by whoever led before too."""
        if self._told is None:
            self._told = all_copies(self._redis)
        return self._told

    def _wait_for_redis(self, error: RedisError) -> None:
        if self._told is not None:
            logger.warning("programs' states wait: %s (%s)", redis_trouble(error), type(error).__name__)
        self._told = None

    def _tell_copies(self, told: dict[int, Copies], states: Mapping[int, Copies]) -> None:
        new = {bot_id: state for bot_id, state in states.items() if told.get(bot_id) != state}
        with self._redis.pipeline(transaction=False) as pipe:
            for bot_id, state in new.items():
                put_copies(pipe, bot_id, state)
            if new:
                pipe.execute()
        told.update(new)

    def _tell_ends(self, bot_id: int, ended: Sequence[Ended]) -> None:
        new = [each for each in ended if each.pod not in self._ends]
        if not new:
            return
        known = {each.at for each in exits_of(self._redis, bot_id)}  # by whoever led before
        with self._redis.pipeline(transaction=False) as pipe:
            for each in sorted(new, key=lambda one: one.told.at):
                if each.told.at not in known:
                    put_exit(pipe, bot_id, each.told)
                    put_output(pipe, bot_id, each.told.output)
                    WORKER_RESTARTS.labels(bot_id).inc()
            pipe.execute()
        self._ends.update(dict.fromkeys(each.pod for each in new))
        for pod in list(self._ends)[:-MOST_KNOWN]:
            del self._ends[pod]

    def _tell_samples(self, states: Mapping[int, Copies], programs: Sequence[Program]) -> None:
        now = time.monotonic()
        if now - self._sampled < self._sample:
            return
        self._sampled = now
        awake = [each for each in programs if (state := states.get(each.bot_id)) and state.current]
        waiting = lags(self._redis, [(each.bot_id, each.public_id) for each in awake]) if awake else []
        with self._redis.pipeline(transaction=False) as pipe:
            for each, lag in zip(awake, waiting, strict=True):
                put_sample(pipe, each.bot_id, states[each.bot_id].current, lag)
            if awake:
                pipe.execute()


def troubled(found: Copies, reason: Text) -> Copies:
    """The same with what is wrong: a failure unless copies run all the same."""
    return Copies(found.current, CopiesState.RUNNING if found.current else CopiesState.FAILED, reason)
