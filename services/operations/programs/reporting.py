"""Telling Redis what became of copies: only what is new, in one round trip."""

from __future__ import annotations

import time
from collections.abc import Mapping

from services.fleet.workers.copies import Copies, Exit, put_copies, put_exit, put_output, put_sample
from services.operations.programs.bot_copies import BotCopies
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.platform.redis.jobs import JobName, enqueue


class CopiesReporter:
    """Writes for one supervisor. Everything but `add_exits` raises RedisError; what was not taken is written the next time, but
    for lines of output.
    """

    def __init__(self, platform: Platform, sample_seconds: float) -> None:
        self._platform = platform
        self._sample_seconds = sample_seconds
        self._sampled = 0.0
        self._told: dict[int, Copies] = {}
        self._exits: list[tuple[int, Exit]] = []

    def begin(self) -> None:
        """Take back what was said before: it may be another's, or lost."""
        self._platform.redis.delete(work_keys.programs())
        self._told.clear()

    def add_exits(self, bot_id: int, exits: list[Exit]) -> None:
        """Have ends of a bot's copies written with the next `write`."""
        self._exits += [(bot_id, each) for each in exits]

    def write(self, bots: Mapping[int, BotCopies], states: Mapping[int, Copies]) -> None:
        """Say how many copies run and why not more, how some ended, what they wrote; and now and then what waits."""
        now = time.monotonic()
        samples = now - self._sampled >= self._sample_seconds
        with self._platform.redis.pipeline(transaction=False) as pipe:
            for bot_id, state in states.items():
                if state != self._told.get(bot_id):
                    put_copies(pipe, bot_id, state)
            for bot_id, ended in self._exits:
                put_exit(pipe, bot_id, ended)
            for bot_id, bot in bots.items():
                if lines := bot.take_lines():
                    put_output(pipe, bot_id, lines)
                if samples and bot.is_awake:
                    put_sample(pipe, bot_id, len(bot.copies), bot.lag)
            if len(pipe):
                pipe.execute()
        self._told, self._exits = dict(states), []
        self._sampled = now if samples else self._sampled

    def forget(self, bot_id: int) -> None:
        """A bot has no copy any more and gets none; an end that waited for that goes on."""
        self._platform.redis.hdel(work_keys.programs(), str(bot_id))
        enqueue(self._platform.job_redis, JobName.RECONCILE_BOT, bot_id)
        self._told.pop(bot_id, None)
