"""The copies of one bot's program: started, replaced and ended as scaling wants it, with a pause after each that fails."""

from __future__ import annotations

import logging
import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from services.core.i18n import NO_TEXT, Text
from services.core.metrics import WORKER_RESTARTS
from services.fleet.workers.copies import MOST_LINES, Copies, CopiesState, Exit
from services.fleet.workers.programs import Program
from services.operations.programs.local import Copy, Ending, LocalDriver
from services.operations.programs.scaling import Scale, Terms, rescaled

logger = logging.getLogger(__name__)
CRASH_LOOP: Final = 3  # failures in a row
ASKED_FOR: Final = ("stopped", "stubborn")
NEVER_RAN: Final = ("command", "confine", "keeper", "no_place")


@dataclass(frozen=True)
class Patience:
    """Seconds: the first pause after a failure, doubled each time up to the longest; how long a copy must live to be no
    failure, and to be shown as running after one.
    """

    first_pause: float = 1.0
    longest_pause: float = 300.0
    stable: float = 60.0
    proven: float = 5.0


class BotCopies:
    """One bot's copies on this machine. `lag` is what waited when last asked."""

    def __init__(self, driver: LocalDriver, program: Program, patience: Patience) -> None:
        self.program = program
        self.copies: list[Copy] = []  # in the order of their start
        self.lag = 0
        self.last_lines: list[str] = []  # of copies that ended
        self.is_wanted = True
        self._driver = driver
        self._patience = patience
        self._scale = Scale()
        self._failures = 0
        self._next_start = 0.0
        self._trouble = NO_TEXT

    @property
    def is_awake(self) -> bool:
        """Whether there is anything to look after from second to second."""
        return bool(self.copies or self.lag or self._scale.copies or self.program.min_replicas)

    def collect(self) -> list[Exit]:
        """Take leave of copies that ended; those of them that an owner is told of."""
        ended = [copy for copy in self.copies if copy.has_ended()]
        self.copies = [copy for copy in self.copies if copy not in ended]
        lines = [line for copy in ended for line in copy.output.take()]
        self.last_lines = [*self.last_lines, *lines][-MOST_LINES:]
        return [told for copy in ended if (told := self._ended(copy)) is not None]

    def take_lines(self) -> list[str]:
        """What its copies wrote since the last time."""
        lines = self.last_lines + [line for copy in self.copies for line in copy.output.take()]
        self.last_lines = []
        return lines

    def adjust(self, terms: Terms, now: float) -> None:
        """Bring the copies nearer to what is wanted at `now` (monotonic seconds)."""
        self._scale = rescaled(self._scale, terms, self.lag, now)
        refused = self._driver.refusal(self.program)
        wanted = self._scale.copies if self.is_wanted and not refused else 0
        staying = [copy for copy in self.copies if not copy.is_leaving]
        for copy in [each for each in staying if self._is_outdated(each)]:
            copy.leave()
            staying.remove(copy)
            WORKER_RESTARTS.labels(self.program.bot_id).inc()
        for copy in staying[wanted:]:  # the youngest
            copy.leave()
        if any(copy.age >= self._patience.stable for copy in staying):
            self._failures, self._trouble = 0, NO_TEXT
        missing = min(wanted - len(staying), terms.most - len(self.copies))
        if missing > 0 and now >= self._next_start:
            self._start(1 if self._failures else missing)

    def state(self) -> Copies:
        """What there is to be told of them."""
        current = sum(not copy.is_leaving for copy in self.copies)
        refused = self._driver.refusal(self.program)
        if refused:
            return Copies(len(self.copies), CopiesState.FAILED, refused)
        if self._scale.copies == 0:
            return Copies(len(self.copies), CopiesState.ASLEEP)
        newest = min((copy.age for copy in self.copies), default=0.0)
        if current and (not self._failures or newest >= self._patience.proven):
            return Copies(len(self.copies), CopiesState.RUNNING, self._trouble)
        state = CopiesState.FAILED if self._failures else CopiesState.RUNNING
        return Copies(len(self.copies), state, self._trouble)

    def _is_outdated(self, copy: Copy) -> bool:
        """Whether it was told something else than copies are told now, or is to be replaced."""
        then, now = copy.program, self.program
        return (then.command, then.environment, then.restarted_at) != (
            now.command,
            now.environment,
            now.restarted_at,
        )

    def _start(self, count: int) -> None:
        for _ in range(count):
            try:
                self.copies.append(self._driver.start(self.program))
            except OSError as error:
                self._fail(Text("It cannot be started: {reason}", reason=os.strerror(error.errno or 0)))
                return
            if self._failures:
                WORKER_RESTARTS.labels(self.program.bot_id).inc()

    def _ended(self, copy: Copy) -> Exit | None:
        ending = copy.ending or Ending("keeper")
        reason = self._reason(ending, copy)
        if ending.why != "stopped":
            logger.info("a copy of %s ended: %s", self.program.public_id, str(reason))
        if ending.why not in ASKED_FOR:
            if copy.age >= self._patience.stable:
                self._failures = 0
                WORKER_RESTARTS.labels(self.program.bot_id).inc()
            else:
                self._fail(reason)
        if ending.why in ("stopped", "no_place"):
            return None
        code = None if ending.signal or ending.why in NEVER_RAN else ending.code
        lines = copy.output.last()
        return Exit(time.time(), round(copy.age, 1), code, ending.signal or None, reason.for_column(), lines)

    def _fail(self, reason: Text) -> None:
        self._failures += 1
        pause = min(
            self._patience.first_pause * 2 ** min(self._failures - 1, 20), self._patience.longest_pause
        )
        self._next_start = time.monotonic() + pause
        self._trouble = reason
        if self._failures >= CRASH_LOOP:
            at = datetime.fromtimestamp(time.time() + pause, UTC).strftime("%H:%M:%S UTC")
            self._trouble = Text(
                "{reason}. It is in a crash loop, next start at {time}", reason=reason, time=at
            )

    def _reason(self, ending: Ending, copy: Copy) -> Text:
        command, limits = copy.program.command.split(maxsplit=1)[0], self._driver.limits()
        known = {
            "command": Text(
                "Its command {command} cannot be started: {reason}",
                command=command,
                reason=os.strerror(ending.errno),
            ),
            "confine": Text(
                "It cannot be kept within its limits here: {reason}", reason=os.strerror(ending.errno)
            ),
            "keeper": Text("What watches over it was killed"),
            "no_place": Text("All places for programs on this machine are taken, see WORKER_COPIES"),
            "memory": Text("It was killed: it used more than {mb} MB of memory", mb=limits.memory_mb),
            "disk": Text("It was killed: it wrote more than {mb} MB to its folder", mb=limits.disk_mb),
            "stopped": Text("It was asked to end"),
            "stubborn": Text("It was killed: it did not end when it was asked to"),
        }
        if ending.why in known:
            return known[ending.why]
        if ending.signal == signal.SIGXCPU:
            return Text(
                "It was killed: it used more than {seconds} s of CPU time", seconds=limits.cpu_seconds
            )
        if ending.signal == signal.SIGXFSZ:
            return Text("It was killed: it wrote a file of more than {mb} MB", mb=limits.disk_mb)
        if ending.signal:
            return Text("It was killed by {signal}", signal=signal.Signals(ending.signal).name)
        if copy.age < self._patience.proven:
            return Text("It exits at once with code {code}", code=ending.code)
        return Text("It ended with code {code}", code=ending.code)
