"""Which processes a process has forked, as Linux tells it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """The ids of a process's children; none of one that is gone."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def family(pid: int) -> list[int]:
    """The ids of a process and its descendants."""
    return [pid, *(each for child in children(pid) for each in family(child))]


def kill_family(pid: int) -> list[int]:
    """kill -9 of a process and its descendants, before any of them could notice; their ids."""
    found = family(pid)
    for each in found:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    return found
