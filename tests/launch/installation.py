"""A real `python -m launch` in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
READY = "Flotilla is running."
START_SECONDS = 180  # a bound for a machine on which other tests start as much at that moment, not a promise


def wait_until(check: Callable[[], Any], seconds: float, what: str | Callable[[], str]) -> Any:
    """Give what `check` gives once that is true; fail unless it becomes so within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.05)
    return value


def environment(data_dir: Path, port: int, **more: str) -> dict[str, str]:
    """A launcher's whole environment: nothing of ours leaks in, and Telegram is out of reach."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "TELEGRAM_API_URL": "http://127.0.0.1:9",
        "LOG_FORMAT": "text",
        "FLASK_SKIP_DOTENV": "1",
        **more,
    }


class Installation:
    """A launcher process and what it printed."""

    def __init__(self, data_dir: Path, port: int, *arguments: str, **more: str) -> None:
        self.data_dir, self.port = data_dir, port
        self.environ = environment(data_dir, port, **more)
        self.console = data_dir.with_name(f"{data_dir.name}-{time.monotonic_ns()}.log")
        with self.console.open("wb") as console:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launch", *arguments],
                cwd=ROOT,
                env=self.environ,
                stdout=console,
                stderr=console,
            )

    def output(self) -> str:
        """What was printed so far."""
        return self.console.read_text(errors="replace")

    def wait_until_ready(self) -> None:
        """Return when the console says that everything runs."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.output()
            return READY in self.output()

        wait_until(is_ready, START_SECONDS, lambda: f"ready\n{self.output()}")

    def pid_of(self, words: str) -> int | None:
        """The process below the launcher with `words` in its command line; the topmost when there are several."""
        return next((pid for pid in descendants(self.process.pid) if words in command_line(pid)), None)

    def stop(self, number: int) -> int:
        """Send a signal and wait for the end; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def running(data_dir: Path, port: int, *arguments: str, **more: str) -> Iterator[Installation]:
    """An installation that is ready, and that is gone afterwards whatever the test did."""
    installation = Installation(data_dir, port, *arguments, **more)
    try:
        installation.wait_until_ready()
        yield installation
    finally:
        if installation.process.poll() is None:
            assert installation.stop(signal.SIGTERM) == 0


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, parents before children."""
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def command_line(pid: int) -> str:
    """The command line of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    return bool(command_line(pid))


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
