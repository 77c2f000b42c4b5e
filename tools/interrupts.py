"""Ctrl-C of the commands that start processes of their own: they must come to their `finally`, and exit with 130."""

from __future__ import annotations

import os
import signal
import sys
from threading import Timer
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN_AFTER_SECONDS = 0.05  # the destructor that the first one was lost in has ended


class Interrupted(KeyboardInterrupt):
    """Somebody wants the command to end.

    A class of its own because CPython notes a plain KeyboardInterrupt that passes through `exec` of a text, which is how a dataclass
    is made, and ends by the signal later on although it was caught (`run_eval_code_obj` in Python/pythonrun.c, `Py_RunMain`).
    """


def listen(*others: signal.Signals) -> None:
    """From now on SIGINT, SIGTERM and `others` raise Interrupted in the main thread. A shell's background job is started with SIGINT
    ignored: not here.
    """
    for number in (signal.SIGINT, signal.SIGTERM, *others):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _once_more


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


def _once_more(lost: UnraisableHookArgs) -> None:
    """What is raised in a destructor goes no further than here."""
    if not isinstance(lost.exc_value, Interrupted):
        sys.__unraisablehook__(lost)
        return
    again = Timer(AGAIN_AFTER_SECONDS, os.kill, (os.getpid(), signal.SIGTERM))
    again.daemon = True
    again.start()
