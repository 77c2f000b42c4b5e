"""Which process holds something, written so that another one on the same machine can tell whether it is dead.

An identity is "<machine>.<process id>.<start>". The machine is known by its boot, its space of process ids (containers have
one each) and its name; the start sets a process apart from a later one of the same id.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from hashlib import sha256
from pathlib import Path

PROC = Path("/proc")
START_FIELD = 19  # of /proc/PID/stat behind the name, in clock ticks since boot (man 5 proc: field 22)
ENDED = ("Z", "X")  # states of a process of which nothing is left but its exit code


def process_identity() -> str:
    """This process; "" where /proc does not say enough, as on macOS."""
    return _identity_of(os.getpid())  # asked each time: a forked child is another process


def is_dead(name: str) -> bool:
    """Whether the process `name` certainly runs no more. Of other machines nothing is known: False."""
    machine, _, process = name.partition(".")
    number, _, start = process.partition(".")
    if not machine or machine != _machine() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)  # unlike /proc, this sees processes of other users wherever it is hidden
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's process, but a living one: its start time says whether it is the one meant
    state, now_started = _state_and_start(int(number))
    return state in ENDED or now_started not in ("", start)


@cache
def _identity_of(process_id: int) -> str:
    _, start = _state_and_start(process_id)
    return f"{_machine()}.{process_id}.{start}" if _machine() and start else ""


@cache
def _machine() -> str:
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        process_ids = os.readlink(PROC / "self/ns/pid")
    except OSError:
        return ""
    return sha256(f"{boot} {process_ids} {socket.gethostname()}".encode()).hexdigest()[:12]


def _state_and_start(process_id: int) -> tuple[str, str]:
    """Two empty strings when it cannot be read."""
    try:
        fields = (PROC / str(process_id) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[START_FIELD]
