"""Commands started in the clone as a person or a host starts them, and what is left of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.launch.installation import command_line, wait_until

ROOT = Path(__file__).resolve().parents[2]
TAIL_LINES = 40
KILL_SECONDS = 10.0
A_PROGRAM_DIED = "; not expected)"  # what supervisord says of it in `make run`, before it starts it again
PACKAGES = re.compile(r"(/\S*/(?:site|dist)-packages)/")
# What a person's shell has and the road to the package registry needs; nothing of Python's, of this environment or of ours.
PASSED_ON = ("HOME", "LANG", "PYTHON", "TMPDIR")
PASSED_ON_PREFIXES = (
    "PIP_",
    "SSL_",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "no_proxy",
)


@dataclass(frozen=True)
class Clone:
    """A clean clone; `begun` is when its cloning began, in seconds since 1970."""

    folder: Path
    begun: float

    @property
    def programs(self) -> Path:
        """Where its environment has its programs."""
        return self.folder / ".venv/bin"


class Command:
    """A running command: the leader of a session of its own, as at a terminal, with its output in a file."""

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str], log: Path) -> None:
        self.name = " ".join(command)
        self._log = log
        with log.open("wb") as console:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environ, stdout=console, stderr=console, start_new_session=True
            )

    @property
    def code(self) -> int | None:
        """Its exit code; none while it runs."""
        return self._process.poll()

    @property
    def is_well(self) -> bool:
        """Whether it runs, with all that it started."""
        return self.code is None and A_PROGRAM_DIED not in self.output()

    def output(self) -> str:
        """What it printed so far."""
        return self._log.read_text(errors="replace")

    def tail(self) -> str:
        """Its last lines under its name and state, for a message about a failure."""
        state = "running" if self.code is None else f"ended with {self.code}"
        return "\n".join([f"--- {self.name} ({state})", *self.output().splitlines()[-TAIL_LINES:]])

    def send(self, number: signal.Signals) -> None:
        """A signal to the whole group, as a terminal's Ctrl-C or a host sends it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def wait(self, seconds: float) -> int:
        """Its exit code; fails when it does not end within `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {seconds:.0f} s\n{self.tail()}") from None


def wait_for(reached: Callable[[], Any], seconds: float, what: str, *commands: Command) -> Any:
    """Wait until `reached` gives something true, and give that. Fails, with the commands' last lines, when it takes
    longer or one of the commands, or a program of theirs, ends before."""

    def logs() -> str:
        return "\n".join([what, *(command.tail() for command in commands)])

    def check() -> Any:
        assert all(command.is_well for command in commands), f"a program ended before: {logs()}"
        return reached()

    return wait_until(check, seconds, logs)


def newcomer() -> dict[str, str]:
    """The environment of somebody at a shell of this machine who has no Python environment switched on."""
    given = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    ours = Path(sys.prefix).resolve()
    folders = os.environ["PATH"].split(os.pathsep)
    return {
        **given,
        "PATH": os.pathsep.join(f for f in folders if ours not in Path(f, "x").resolve().parents),
    }


def processes_in(folder: Path) -> dict[int, str]:
    """The running processes whose working folder is `folder` or lies in it, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(folder):
                found[int(entry.name)] = command_line(int(entry.name))
    return found


def leaks(folder: Path) -> list[str]:
    """Processes in a folder that could reach packages outside it: the check would prove nothing."""
    found = []
    for pid, line in processes_in(folder).items():
        environ = _read(pid, "environ").split("\0")
        outside = [entry for entry in environ if sys.prefix in entry or entry.startswith("PYTHONPATH=")]
        loaded = {match[1] for match in PACKAGES.finditer(_read(pid, "maps"))}
        outside += [path for path in loaded if not Path(path).is_relative_to(folder)]
        found += [f"{line}: {reason}" for reason in outside]
    return found


def kill(folder: Path, *commands: Command) -> None:
    """End what still runs in a folder of ours, by force, the commands themselves too."""
    deadline = time.monotonic() + KILL_SECONDS
    while (left := processes_in(folder)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for command in commands:
        command.wait(KILL_SECONDS)


def _read(pid: int, name: str) -> str:
    with suppress(OSError):  # it ended meanwhile
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    return ""
