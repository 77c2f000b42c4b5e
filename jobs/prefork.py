"""The process that a supervisor starts: it imports what serves, forks the process that does, and forks another when that one dies.

Importing is nearly all of what a start costs. Who is killed for its memory, ended by a fault in a library or by the watchdog is
replaced in the time of a fork. The master holds nothing, asks nothing and runs no greenlet, so that nothing can end it but what
ends both.
"""

from __future__ import annotations

import logging
import os
import signal
import time
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
# Who dies sooner may do so again and again: that is for the supervisor, which knows how to wait.
LEAST_SECONDS: Final = 1.0
SHELL_SIGNALS: Final = 128  # what a shell adds to a signal's number in an exit code
ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_waitpid: Final = monkey.get_original("os", "waitpid")  # gevent's own would run its loop in the master


def serve(service: str, main: Callable[[], None], least_seconds: float = LEAST_SECONDS) -> None:
    """Run `main` in a child, and again in another whenever one dies that had lived for `least_seconds`. Returns in children alone.

    SIGTERM and SIGINT are passed on as SIGTERM. The master ends as its last child did: with its exit code, or by its signal.
    """
    configure_logging(settings_or_exit(), service)
    share_imports()
    inherited = signal.pthread_sigmask(signal.SIG_BLOCK, (*ENDING, signal.SIGCHLD))
    while True:
        began = time.monotonic()
        master = os.getpid()
        child = fork_gevent()
        if not child:
            end_with_parent(master)
            signal.pthread_sigmask(signal.SIG_SETMASK, inherited)
            main()
            return
        code, was_told = _end_of(child)
        if was_told or code == 0 or time.monotonic() - began < least_seconds:
            _end_with(code)
        logger.error("process %d ended %s; another one takes its place", child, _told(code))


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
            signal.signal(-code, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (-code,))
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else SHELL_SIGNALS - code)


def _told(code: int) -> str:
    return f"with exit code {code}" if code >= 0 else f"by signal {-code}"
