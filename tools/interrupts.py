"""Ctrl-C of the commands that start processes of their own: they come to their `finally`, and exit with 130.

Here a signal raises, wherever Python is; the launcher, `launch/interrupts.py`, notices one where it waits.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from types import FrameType
from typing import Any

AGAIN_AFTER_SECONDS = 0.05  # the destructor that the first one was lost in has ended


class Interrupted(KeyboardInterrupt):
    """Somebody wants the command to end.

    A class of its own because CPython notes a plain KeyboardInterrupt that passes through `exec` of a text, which is how a dataclass
    is made, and ends by the signal later on although it was caught (`run_eval_code_obj` in Python/pythonrun.c, `Py_RunMain`).
    """


def run(work: Callable[[], int], ended: str, *others: signal.Signals) -> int:
    """The exit code of `work`; 130 when SIGINT, SIGTERM or one of `others` ended it, which `ended` says on stderr."""
    try:
        _listen(*others)
        return work()
    except KeyboardInterrupt:
        print(f"ended early: {ended}", file=sys.stderr)
        return 130


@contextmanager
def work_folder(keep: Path | None, name: str) -> Iterator[Path]:
    """`keep`, made if need be, or a folder that is removed afterwards. PostgreSQL, which runs as another user, reaches into it."""
    folder = keep or Path(tempfile.mkdtemp(prefix=f"flotilla-{name}-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _listen(*others: signal.Signals) -> None:
    # SIGINT too: a shell's background job is started with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, *others):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _once_more


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


def _once_more(lost: Any) -> None:
    """What is raised in a destructor goes no further than here; `lost` is what `sys.unraisablehook` is told."""
    if not isinstance(lost.exc_value, Interrupted):
        sys.__unraisablehook__(lost)
        return
    again = Timer(AGAIN_AFTER_SECONDS, os.kill, (os.getpid(), signal.SIGTERM))
    again.daemon = True
    again.start()
