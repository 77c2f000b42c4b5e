"""SIGINT, SIGTERM and SIGHUP, noticed where the launcher waits and never in the middle of somebody's code."""

from __future__ import annotations

import signal
import time
from types import FrameType


class Interrupted(Exception):
    """Somebody wants the installation to end."""


_asked = False


def listen() -> None:
    """From now on remember the signals; a SIGHUP that `nohup` ignores stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _remember)


def pause(seconds: float) -> None:
    """Sleep; raises Interrupted when a signal came before or meanwhile."""
    if not _asked:
        time.sleep(seconds)
    if _asked:
        raise Interrupted


def _remember(_number: int, _frame: FrameType | None) -> None:
    global _asked
    _asked = True
