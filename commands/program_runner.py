"""A program on this machine, for whoever writes it: started, started again when it ends or its files change, ended in order."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from services.core.errors import InvalidInput
from services.core.i18n import Text

END_WITH_PARENT: Final = ("-I", "-S", str(Path(__file__).parents[1] / "launch" / "parent_death.py"), "--")
# All that a program has of our environment: whoever starts it may have the installation's secrets there.
KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "TMPDIR", "USER", "SHELL", "VIRTUAL_ENV")
LOOK_SECONDS: Final = 0.2
STOP_SECONDS: Final = 25.0  # as any program has that is stopped
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before one that ended by itself is started again
STEADY_SECONDS: Final = 10.0  # one that ran so long did not fail at its start
MOST_FILES: Final = 5000  # that are watched
UNWATCHED: Final = frozenset(("node_modules", "__pycache__", "vendor"))


def run_program(
    command: list[str],
    environ: Mapping[str, str],
    watched: Path | None,
    stopping: threading.Event,
    tell: Callable[[str], None],
) -> None:
    """Keep `command` running, with `environ` and little more, until `stopping` is set; its output is ours.

    It is started again at once when a file under `watched` has changed, and after a while when it ended by itself.
    Raises InvalidInput `program_not_found`.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    pause = FIRST_PAUSE
    if shutil.which(command[0], path=kept.get("PATH")) is None:
        raise InvalidInput(Text("There is no program {name}", name=command[0]), code="program_not_found")
    while not stopping.is_set():
        state, began = state_of(watched), time.monotonic()
        process = _start(command, {**kept, **environ})
        while process.poll() is None and not stopping.wait(LOOK_SECONDS) and state_of(watched) == state:
            pass
        if process.poll() is None:
            tell("Stopping it …" if stopping.is_set() else "A file has changed: starting it again …")
            _stop(process, tell)
            pause = FIRST_PAUSE
            continue
        pause = FIRST_PAUSE if time.monotonic() - began > STEADY_SECONDS else pause
        tell(f"It ended by itself, with {process.returncode}; starting it again in {pause:.0f} s.")
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline and state_of(watched) == state and not stopping.wait(LOOK_SECONDS):
            pass
        pause = min(pause * 2, LONGEST_PAUSE)


def state_of(folder: Path | None) -> tuple[int, int]:
    """What changes with the files under `folder`: how many there are, and when the newest was written, in ns."""
    times = [] if folder is None else list(_times(folder))
    return len(times), max(times, default=0)


def _times(folder: Path) -> Iterator[int]:
    seen = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in UNWATCHED]
        for name in files:
            seen += 1
            if seen > MOST_FILES:
                return
            try:
                yield os.stat(os.path.join(place, name)).st_mtime_ns
            except FileNotFoundError:  # an editor's, gone again
                continue


def _start(command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C at the terminal is for us, who end it in order.
    whole = [sys.executable, *END_WITH_PARENT, *command]
    return subprocess.Popen(whole, env=environ, start_new_session=True)  # noqa: S603  # what the developer named


def _stop(process: subprocess.Popen[bytes], tell: Callable[[str], None]) -> None:
    """SIGTERM to all of it, and SIGKILL to what ignores that; what it held comes again when its lease has run out."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            tell(f"It does not end within {STOP_SECONDS:.0f} s: killing it.")
        else:
            return
