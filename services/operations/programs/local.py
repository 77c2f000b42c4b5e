"""Copies of programs as processes of this machine, each behind a keeper of its own (ADR 44)."""

from __future__ import annotations

import json
import logging
import os
import shlex
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

from services.core.i18n import NO_TEXT, Text
from services.core.worker_settings import WorkerSettings
from services.fleet.workers.programs import Program
from services.operations.programs.confinement import Limits
from services.operations.programs.output import Output

logger = logging.getLogger(__name__)
ROOT: Final = Path(__file__).resolve().parents[3]
KEEPER: Final = (sys.executable, "-E", "-s", "-S", "-m", "services.operations.programs.keeper")
STOP_SECONDS: Final = 25.0  # then a copy is killed
WATCH_SECONDS: Final = 3.0  # between looks at a copy's memory and disk
UTF_8: Final = "C.UTF-8"
FORSAKEN_SECONDS: Final = 2.0  # after a keeper's death in which its program's output should have ended


@dataclass(frozen=True)
class Times:
    """Seconds of the driver, for tests to shorten."""

    stop: float = STOP_SECONDS
    watch: float = WATCH_SECONDS


@dataclass(frozen=True)
class Ending:
    """How a copy ended: by itself with `code`, by `signal` (0: none), or for `why` (stopped, stubborn, memory, disk, command …)."""

    why: str
    code: int = 0
    signal: int = 0
    errno: int = 0


class Copy:
    """One running copy. `is_leaving` once its end was asked for."""

    def __init__(self, program: Program, keeper: subprocess.Popen[bytes]) -> None:
        self.program = program
        self.started_at = time.time()
        self.output = Output(program.environment)
        self.is_leaving = False
        self.ending: Ending | None = None
        self._keeper = keeper
        pipes = (keeper.stdin, keeper.stdout, keeper.stderr)
        self._orders, self._written, self._report = (cast("IO[bytes]", each) for each in pipes)
        self._since = time.monotonic()
        self._forsaken_at: float | None = None
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"copy-{program.public_id}")
        self._reader.start()

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self._since

    @property
    def keeper_pid(self) -> int:
        """The process id of what keeps it."""
        return self._keeper.pid

    def leave(self) -> None:
        """Ask it to end: SIGTERM, and after the driver's `stop` seconds SIGKILL for all that it started. Twice does no harm."""
        if not self.is_leaving:
            self.is_leaving = True
            self.say(b"s")

    def has_ended(self) -> bool:
        """Whether nothing of it is left; then `ending` says how it went. To be asked now and then."""
        if self.ending is None and self._keeper.poll() is not None:
            now = time.monotonic()
            self._forsaken_at = self._forsaken_at or now
            if now - self._forsaken_at > FORSAKEN_SECONDS:  # its output is held open: the keeper was killed
                self.ending = Ending("keeper")
        return self.ending is not None

    def say(self, words: bytes) -> None:
        """Tell its keeper: the order first, then by a byte that it is to end. One that has ended hears nothing."""
        try:
            self._orders.write(words)
            self._orders.flush()
        except (BrokenPipeError, ValueError):  # the latter once its pipes were closed
            logger.debug("a keeper of %s has ended already", self.program.public_id)

    def _read(self) -> None:
        """Until the output ends, and with it every process of the copy."""
        while chunk := os.read(self._written.fileno(), 65_536):
            self.output.feed(chunk)
        self.output.feed(b"")
        said = self._report.read().decode(errors="replace")
        self._keeper.wait()
        self.ending = _ending_of(said)
        for pipe in (self._orders, self._written, self._report):
            with suppress(BrokenPipeError):  # of words that it did not live to hear
                pipe.close()


class LocalDriver:
    """Starts copies on this machine, as root alone: each becomes another user."""

    def __init__(self, settings: WorkerSettings, times: Times = Times()) -> None:
        self._settings = settings
        self._times = times

    @property
    def stop_seconds(self) -> float:
        """How long a copy has to end in once it was asked to."""
        return self._times.stop

    def refusal(self, program: Program) -> Text:
        """Why it does not start a program at all; NO_TEXT when it does."""
        if program.image:
            return Text("An image is started on Kubernetes only, and this installation starts processes")
        if not is_able():
            return Text(
                "Programs are started by root on Linux alone, because each runs as a user of its own, and the programs process is not root. "
                "Run it elsewhere, with its worker token"
            )
        try:
            split = shlex.split(program.command)
        except ValueError:
            return Text("Its command has quotes that do not end")
        return NO_TEXT if split else Text("Its command is empty")

    def start(self, program: Program) -> Copy:
        """Start one more copy. Raises OSError when no process can be started."""
        keeper = subprocess.Popen(  # noqa: S603 - our own command
            KEEPER,
            cwd=ROOT,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # what ends our group leaves the keeper to end its program in order
        )
        copy = Copy(program, keeper)
        copy.say(json.dumps(self._order(program)).encode() + b"\n")
        return copy

    def limits(self) -> Limits:
        """The bounds of every copy."""
        known = self._settings
        return Limits(
            known.worker_cpu_seconds,
            known.worker_memory_mb,
            known.worker_disk_mb,
            known.worker_open_files,
            known.worker_processes,
        )

    def _order(self, program: Program) -> dict[str, Any]:
        known = self._settings
        return {
            "command": shlex.split(program.command),
            "environment": {"PATH": known.worker_path, "LANG": UTF_8, **program.environment},
            "base": str(known.worker_dir),
            "first_uid": known.worker_first_uid,
            "places": known.worker_copies,
            "stop_seconds": self._times.stop,
            "watch_seconds": self._times.watch,
            "limits": asdict(self.limits()),
        }


def is_able() -> bool:
    """Whether this process can make others' users of what it starts."""
    return os.geteuid() == 0 and sys.platform.startswith("linux")


def _ending_of(said: str) -> Ending:
    """What the keeper reported last; anything else is its own trouble."""
    try:
        return Ending(**json.loads(said.strip().splitlines()[-1]))
    except (ValueError, TypeError, IndexError):
        logger.error("a keeper failed: %s", said[-2000:] or "it was killed")
        return Ending("keeper")
