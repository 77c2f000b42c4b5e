"""Become another program that ends with its parent: `parent_death.py [--gate FILE] [--alone FILE] [--starts FILE --ready FILE] -- PROGRAM ARGUMENT…`

--gate waits until FILE exists; --alone holds a lock on FILE for the program's whole life, and waits for it first;
--starts makes FILE a byte longer when the program begins, so that it can be seen how often it did; while the file of
--ready does not exist, a second start goes no further: what ended at once would only say its reason again.
Run as a bare script (`python -I -S`), it imports little and costs some 15 ms before the program takes its place.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_SECONDS = 0.02


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, wait as asked, become the program."""
    split = arguments.index("--")
    options = dict(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    _end_with_parent()
    if "--gate" in options:
        _wait_for(options["--gate"])
    if "--alone" in options:
        _hold(options["--alone"])
    if "--starts" in options:
        _count(options["--starts"], options["--ready"])
    program = arguments[split + 1 :]
    try:
        os.execvp(program[0], program)
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


def _wait_for(path: str) -> None:
    while not os.path.exists(path):
        time.sleep(POLL_SECONDS)


def _count(starts: str, ready: str) -> None:
    with open(starts, "ab") as file:
        file.write(b".")
        count = file.tell()
    if count > 1:
        _wait_for(ready)


def _end_with_parent() -> None:
    """On Linux: SIGTERM when the parent dies, also by SIGKILL; it survives the exec. Elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _hold(path: str) -> None:
    """Lock `path` until the program ends: the descriptor is inherited by it and never closed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.set_inheritable(descriptor, True)


if __name__ == "__main__":
    main(sys.argv[1:])
