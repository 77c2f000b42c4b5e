"""What a process is made into before it becomes an owner's program: another user, without privileges, within limits (ADR 44).

For the keeper of a copy alone, which has one thread and runs as root. Imports nothing but the standard library: it is run anew for
every copy.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 1, 38, 36  # linux/prctl.h
NICENESS: Final = 5  # owners' programs give way to what serves all bots
FIRST_TO_GO: Final = "500"  # where the machine runs out of memory, these end before what serves all bots
MB: Final = 1 << 20
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = (
    444,
    445,
    446,
)  # numbers of Landlock's calls, the same on all machines
PATH_BENEATH, RULESET_VERSION = 1, 1
WRITE_FILE, TRUNCATE, REFER = 1 << 1, 1 << 14, 1 << 13
MAKE_AND_REMOVE: Final = sum(1 << bit for bit in range(4, 13))  # REMOVE_DIR … MAKE_SYM
SCOPES: Final = 0b11  # abstract sockets and signals end at the program's own processes
WRITABLE_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full")
LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """Bounds of a copy: CPU seconds of a process (0: none), MB of memory and of disk, open files, processes."""

    cpu_seconds: int
    memory_mb: int
    disk_mb: int
    open_files: int
    processes: int


def confine(uid: int, folder: str, limits: Limits) -> None:
    """Make this process, a fresh child of root's, an unprivileged one of the user `uid` that may write to `folder` alone.

    It dies with its parent. Raises OSError.
    """
    os.setsid()
    os.nice(NICENESS)
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write(FIRST_TO_GO)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # Python's own settings would be inherited
    os.umask(0o077)
    _limit(limits)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which takes it back
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _write_beneath(folder)
    os.chdir(folder)


def adopt_orphans() -> None:
    """Have what this process's children leave behind become its children."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_all_of(uid: int) -> None:
    """End every process of a user at once; a process that forks meanwhile cannot escape it."""
    child = os.fork()
    if child == 0:
        with suppress(OSError):  # there is none
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(child, 0)


def _limit(limits: Limits) -> None:
    # Not the address space: Node and Go reserve gigabytes of it and use little.
    bounds = {
        resource.RLIMIT_DATA: limits.memory_mb * MB,
        resource.RLIMIT_FSIZE: limits.disk_mb * MB,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        resource.setrlimit(kind, (bound, bound))
    if limits.cpu_seconds:
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))


def _write_beneath(folder: str) -> None:
    """Refuse this process all writing outside `folder`, by Landlock; a kernel without it leaves that to files' permissions."""
    version = LIBC.syscall(CREATE_RULESET, None, 0, RULESET_VERSION)
    if version < 1:
        return
    writing = WRITE_FILE | MAKE_AND_REMOVE | (REFER if version > 1 else 0) | (TRUNCATE if version > 2 else 0)
    attributes = struct.pack("QQQ", writing, 0, SCOPES if version > 5 else 0)
    size = 24 if version > 5 else 8  # bytes of it that this version knows
    rules = _checked(LIBC.syscall(CREATE_RULESET, attributes, size, 0))
    _allow(rules, folder, writing)
    for device in WRITABLE_DEVICES:
        _allow(rules, device, writing & (WRITE_FILE | TRUNCATE))
    _checked(LIBC.syscall(RESTRICT_SELF, rules, 0))
    os.close(rules)


def _allow(rules: int, path: str, access: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    _checked(LIBC.syscall(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", access, descriptor), 0))
    os.close(descriptor)


def _prctl(option: int, value: int) -> None:
    _checked(LIBC.prctl(option, value, 0, 0, 0))


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
