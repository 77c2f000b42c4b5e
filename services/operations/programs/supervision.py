"""Runs the programs of all bots on this machine: looks what waits, and has their copies follow it (ADR 44).

Sleeping bots cost nothing: one connection hears of the first update for any of them. Only bots that are awake are looked at every
second; all are every minute, for a hint that was lost.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from redis import RedisError

from services.core.errors import Unavailable
from services.core.settings import Settings
from services.fleet.workers.copies import Copies
from services.fleet.workers.programs import Program, programs
from services.operations.programs.bot_copies import BotCopies, Patience
from services.operations.programs.local import LocalDriver
from services.operations.programs.reporting import CopiesReporter
from services.operations.programs.scaling import Terms
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from services.platform.redis.trouble import redis_trouble
from services.queueing.work_hints import WorkHints
from services.queueing.work_queue import lags

logger = logging.getLogger(__name__)
LEARN_SECONDS: Final = 15.0  # which programs there are is read so often, should a change go unheard
LOOK_SECONDS: Final = 60.0
END_SECONDS: Final = 2.0  # more than the driver's own grace, for keepers to clean up in


@dataclass(frozen=True)
class Timings:
    """Seconds: between looks at bots that are awake; how long one read for hints waits; between samples of a chart; how long
    copies go on while nobody leads, as after a restart of Redis.
    """

    tick: float = 1.0
    longest_wait: float = 2.5
    sample: float = 15.0
    breath: float = 0.05  # between hints for bots that are awake, of which there may be thousands
    leaderless: float = 20.0
    patience: Patience = field(default_factory=Patience)


class Supervisor:
    """The programs of all bots, for one process. `lead` works; between two leads the copies go on for a while."""

    def __init__(
        self, platform: Platform, driver: LocalDriver | None = None, timings: Timings = Timings()
    ) -> None:
        self._platform = platform
        self._driver = driver or LocalDriver(platform.settings)
        self._timings = timings
        self._hints = WorkHints(platform.blocking_redis)
        self.bots: dict[int, BotCopies] = {}
        self._lock = threading.Lock()  # one works on them: a lead, or the end
        self._changed = threading.Event()
        self._hinted: set[int] = set()
        self._reports = CopiesReporter(platform, timings.sample)
        self._learned = self._looked = -math.inf
        self._hears = False
        self._leads = 0
        self._forsaken: threading.Timer | None = None

    def lead(self, goes_on: Callable[[], bool]) -> None:
        """Work as long as it `goes_on`, then leave the copies running for `leaderless` seconds; `stop` ends them before."""
        self._leads += 1

        def on_change(topic: Topic, _bot: int) -> None:
            if topic in (Topic.BOT, Topic.ANY):
                self._changed.set()

        self._platform.changes.subscribe(on_change)
        try:
            with self._lock:
                self._hears, self._learned = False, -math.inf
                while goes_on():
                    self._round()
                    self._wait(goes_on)
        finally:
            self._platform.changes.unsubscribe(on_change)
            self._forsaken = threading.Timer(self._timings.leaderless, self._forsake, (self._leads,))
            self._forsaken.daemon = True
            self._forsaken.start()

    def stop(self) -> None:
        """End all copies in order, which takes the driver's grace at most and a little more; to be asked after a lead."""
        if self._forsaken is not None:
            self._forsaken.cancel()
        with self._lock:
            self._end_all()
            self._write(dict.fromkeys(self.bots, Copies()))
            self.bots.clear()

    def _forsake(self, leads: int) -> None:
        """End all copies unless this process has led again since: another's are at work by now, and it tells of them."""
        with self._lock:
            if self._leads == leads:
                self._end_all()
                self.bots.clear()

    def _end_all(self) -> None:
        for copy in [copy for bot in self.bots.values() for copy in bot.copies]:
            copy.leave()
        deadline = time.monotonic() + self._driver.stop_seconds + END_SECONDS
        while any(bot.copies for bot in self.bots.values()) and time.monotonic() < deadline:
            self._collect()
            time.sleep(self._timings.breath)

    def _round(self) -> None:
        """One look at everything that may have changed."""
        now = time.monotonic()
        if self._changed.is_set() or now - self._learned >= LEARN_SECONDS:
            self._changed.clear()
            self._learn()
            self._learned = now
        everything = not self._hears or now - self._looked >= LOOK_SECONDS
        hinted = self._hinted
        looked_at = [each for each, bot in self.bots.items() if everything or bot.is_awake or each in hinted]
        self._looked = now if everything else self._looked
        self._collect()
        try:
            if not self._hears:
                self._hints.begin()
                self._reports.begin()
                self._hears = True
            self._look(looked_at)
        except RedisError as error:
            self._deaf(error)
            return  # nobody knows what waits: copies go on as they are
        for bot in self.bots.values():
            bot.adjust(terms_of(self._platform.settings, bot.program), now)
        self._write({number: bot.state() for number, bot in self.bots.items()})

    def _learn(self) -> None:
        """Learn which programs there are. Those that are gone end; without the database they stay as they were."""
        try:
            known = {program.bot_id: program for program in programs(self._platform)}
        except Unavailable as error:
            logger.warning("programs are not read anew: %s", error.code)
            return
        self._hinted |= known.keys() - self.bots.keys()
        for number, program in known.items():
            bot = self.bots.setdefault(number, BotCopies(self._driver, program, self._timings.patience))
            bot.program = program
        for number, bot in self.bots.items():
            bot.is_wanted = number in known

    def _look(self, numbers: Collection[int]) -> None:
        asked = [(number, self.bots[number].program.public_id) for number in numbers if number in self.bots]
        for (number, _), lag in zip(asked, lags(self._platform.redis, asked) if asked else (), strict=True):
            self.bots[number].lag = lag
        self._hinted.clear()

    def _collect(self) -> None:
        for number, bot in self.bots.items():
            self._reports.add_exits(number, bot.collect())

    def _write(self, states: dict[int, Copies]) -> None:
        """Tell what is new, and let go of bots that have no program any more and no copy."""
        try:
            self._reports.write(self.bots, states)
            for number in [each for each, bot in self.bots.items() if not bot.is_wanted and not bot.copies]:
                self._reports.forget(number)
                del self.bots[number]
        except RedisError as error:
            self._deaf(error)

    def _wait(self, goes_on: Callable[[], bool]) -> None:
        """Until the next round is due, or a sleeping bot got something."""
        awake = {number for number, bot in self.bots.items() if bot.is_awake}
        deadline = time.monotonic() + (self._timings.tick if awake else self._timings.longest_wait)
        while goes_on() and not self._changed.is_set() and (left := deadline - time.monotonic()) > 0:
            if not self._hears:
                time.sleep(min(left, self._timings.breath))
                continue
            try:
                hinted = self._hints.wait(left)
            except RedisError as error:
                self._deaf(error)
                continue
            self._hinted |= hinted
            if hinted & self.bots.keys() - awake:
                return
            if hinted:
                time.sleep(self._timings.breath)

    def _deaf(self, error: RedisError) -> None:
        if self._hears:
            logger.warning("programs go on as they are: %s (%s)", redis_trouble(error), type(error).__name__)
        self._hears = False


def terms_of(settings: Settings, program: Program) -> Terms:
    """What the owner of a program and the installation say of its scaling."""
    return Terms(
        program.min_replicas,
        program.max_replicas,
        settings.worker_idle_seconds,
        settings.worker_cooldown_seconds,
    )
