"""The process that a supervisor starts: it imports what serves, forks the process that does, and forks another when that one dies.

Importing is nearly all of what a start costs (ADR 76). The master keeps the settings that it was started with and its imports; it
asks nothing and runs no greenlet, so that nothing can end it but what ends both.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from gevent import monkey
from gevent.os import fork_gevent

from services.core.child_processes import end_with_parent
from services.core.environment import settings_or_exit
from services.core.logs import configure_logging
from services.platform.preloading import share_imports

logger = logging.getLogger(__name__)
# Who dies sooner, or so often within so long, may go on dying: that is for the supervisor, which knows how to wait.
LEAST_SECONDS: Final = 1.0
MOST_DEATHS: Final = 5
DEATHS_SECONDS: Final = 60.0
ENDING: Final = (signal.SIGTERM, signal.SIGINT)
SHELL_SIGNALS: Final = 128  # what a shell adds to a signal's number in an exit code
# gevent's own would run its loop in the master.
_waitpid: Final = monkey.get_original("os", "waitpid")
_signal: Final = monkey.get_original("signal", "signal")

former = 0  # in a child: the process id of the one that it replaces, 0 for the first


def serve(service: str, main: Callable[[], None], least_seconds: float = LEAST_SECONDS) -> None:
    """Run `main` in a child, and again in another when one dies that had lived for `least_seconds`. Returns in children alone.

    SIGTERM and SIGINT are passed on as SIGTERM. The master ends as its last child did: with its exit code, or by its signal.
    """
    global former
    configure_logging(settings_or_exit(), service)
    share_imports()
    _signal(signal.SIGCHLD, signal.SIG_DFL)  # who starts us may have it ignored, and no end would be heard of
    inherited = signal.pthread_sigmask(signal.SIG_BLOCK, (*ENDING, signal.SIGCHLD))
    master, deaths = os.getpid(), deque[float](maxlen=MOST_DEATHS)
    while True:
        began = time.monotonic()
        child = fork_gevent()
        if not child:
            end_with_parent(master)
            signal.pthread_sigmask(signal.SIG_SETMASK, inherited)
            main()
            return
        code, was_told = _end_of(child)
        deaths.append(time.monotonic())
        if was_told or code == 0 or deaths[-1] - began < least_seconds or _too_many(deaths):
            _end_with(code)
        former = child
        logger.error("process %d ended %s; another one takes its place", child, _told(code))


def _too_many(deaths: deque[float]) -> bool:
    return len(deaths) == MOST_DEATHS and deaths[-1] - deaths[0] < DEATHS_SECONDS


def _end_of(child: int) -> tuple[int, bool]:
    """Wait for the child to end, passing on what we are told: its exit code, or its signal's number below zero; whether it was told to."""
    was_told = False
    while True:
        number = signal.sigwait((*ENDING, signal.SIGCHLD))
        if number in ENDING:
            was_told = True
            os.kill(child, signal.SIGTERM)  # nobody has reaped it, so the number is still its own
        else:
            ended = _reaped()
            if child in ended:
                return os.waitstatus_to_exitcode(ended[child]), was_told


def _reaped() -> dict[int, int]:
    """The status of each process that has ended, by its id; in a container orphans of others come to us."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while (found := _waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]
    return ended


def _end_with(code: int) -> NoReturn:
    """End as the child did, so that a supervisor sees what it would see of the child."""
    logging.shutdown()
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            _signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (-code,))
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else SHELL_SIGNALS - code)  # of a container's first process no signal is taken


def _told(code: int) -> str:
    return f"with exit code {code}" if code >= 0 else f"by signal {-code}"
