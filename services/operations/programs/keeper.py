"""Keeps one copy of an owner's program: starts it confined, ends it with all that it started, says how it ended.

`python -m services.operations.programs.keeper`, as root, one per copy. On standard input comes a line of JSON, the order; a further
byte asks for the end; the end of the input, which is also that of whoever gave the order, asks for it at once. Standard output
is the program's; a line of JSON on standard error says at the end what became of it. Imports little: every copy waits for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from services.operations.programs.confinement import MB, Limits, adopt_orphans, confine, kill_all_of

ABANDONED_SECONDS: Final = 2.0  # what a program has to end in whose driver is gone
REAP_SECONDS: Final = 5.0  # killed processes that are not gone by then are left to the kernel
MOST_LOOKED_AT: Final = 20_000  # files of a working folder; one with more is over its limit
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Place:
    """Where a copy runs: its user's number, its folder, and the lock that makes both its own as long as it is open."""

    uid: int
    folder: str
    lock: int


class Keeper:
    """Watches one running copy. `why` is what it was ended for, "" while it was not."""

    def __init__(self, pid: int, place: Place, order: dict[str, Any]) -> None:
        self._pid = pid
        self._place = place
        self._limits = Limits(**order["limits"])
        self._stop_seconds = float(order["stop_seconds"])
        self._watch_seconds = float(order["watch_seconds"])
        self._deadline: float | None = None
        self.why = ""

    def watch(self) -> int:
        """Wait for the program's end, asked for or not; its wait status."""
        ended = os.pidfd_open(self._pid)
        poll = select.poll()
        poll.register(0, select.POLLIN | select.POLLHUP)
        poll.register(ended, select.POLLIN)
        watched = time.monotonic()
        while True:
            ready = dict(poll.poll(self._patience() * 1000))
            if ended in ready:
                return os.waitpid(self._pid, 0)[1]
            if 0 in ready and not self._heard():
                poll.unregister(0)
            now = time.monotonic()
            if self._deadline is not None and now >= self._deadline:
                self._kill("stubborn")
            elif now - watched >= self._watch_seconds:
                watched = now
                self._look()

    def end(self, seconds: float) -> None:
        """Ask the program to end, and give it so long to."""
        self.why = self.why or "stopped"
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGTERM)
        self._deadline = min(time.monotonic() + seconds, self._deadline or float("inf"))

    def _heard(self) -> bool:
        said = os.read(0, 64)
        self.end(self._stop_seconds if said else ABANDONED_SECONDS)
        return bool(said)

    def _patience(self) -> float:
        if self._deadline is None:
            return self._watch_seconds
        return max(0.0, min(self._watch_seconds, self._deadline - time.monotonic()))

    def _look(self) -> None:
        if memory_of(self._place.uid) > self._limits.memory_mb * MB:
            self._kill("memory")
        elif size_of(self._place.folder) > self._limits.disk_mb * MB:
            self._kill("disk")

    def _kill(self, why: str) -> None:
        self.why, self._deadline = why, None
        kill_all_of(self._place.uid)


def main() -> None:
    """Keep a copy from its order to its end."""
    line, _, asked_to_end = _order().partition(b"\n")
    order = json.loads(line)
    place = None if asked_to_end else _claim(order)
    if place is None:
        _report({"why": "stopped" if asked_to_end else "no_place"})
        return
    adopt_orphans()
    try:
        _report(_keep(order, place))
    finally:
        kill_all_of(place.uid)
        _reap()
        _remove(place.folder)


def memory_of(uid: int) -> int:
    """Bytes that the processes of a user have in memory for themselves."""
    total = 0
    for pid in _processes_of(uid):
        with suppress(OSError), open(f"/proc/{pid}/statm") as file:
            pages = file.read().split()
            total += (int(pages[1]) - int(pages[2])) * PAGE
    return total


def size_of(folder: str) -> int:
    """Bytes of disk that a folder takes; more than any limit when it has too many files to look at."""
    total = 0
    for number, path in enumerate(_paths(folder)):
        if number >= MOST_LOOKED_AT:
            return sys.maxsize
        with suppress(OSError):
            total += os.lstat(path).st_blocks * 512
    return total


def _keep(order: dict[str, Any], place: Place) -> dict[str, Any]:
    """Run the program until it ends; what is to be reported."""
    failed, fails = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(order, place, fails)
    os.close(fails)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 1)  # the output ends with those who write it
    keeper = Keeper(pid, place, order)
    signal.signal(signal.SIGTERM, lambda *_: keeper.end(float(order["stop_seconds"])))
    with open(failed, "rb") as said:
        trouble = said.read()
    status = keeper.watch()
    if trouble:
        step, _, number = trouble.decode().partition(" ")
        return {"why": step, "errno": int(number)}
    code = os.waitstatus_to_exitcode(status)
    return {"why": keeper.why, "code": max(code, 0), "signal": max(-code, 0)}


def _become(order: dict[str, Any], place: Place, fails: int) -> None:
    """In the child: become the program, or say why not. Does not return."""
    step = "confine"
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(1, 2)
        confine(place.uid, place.folder, Limits(**order["limits"]))
        step = "command"
        told = {"HOME": place.folder, "TMPDIR": place.folder, **order["environment"]}
        os.execvpe(order["command"][0], order["command"], told)  # noqa: S606 - no shell is meant
    except OSError as error:
        os.write(fails, f"{step} {error.errno}".encode())
    os._exit(127)


def _order() -> bytes:
    read = b""
    while b"\n" not in read:
        chunk = os.read(0, 65_536)
        if not chunk:
            sys.exit(0)  # whoever gave it is gone
        read += chunk
    return read


def _claim(order: dict[str, Any]) -> Place | None:
    """The first user of the range whom no copy on this machine has, with an empty folder; None when all are taken."""
    base = order["base"]
    os.makedirs(base, 0o711, exist_ok=True)
    found = os.lstat(base)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise PermissionError(f"{base} is to be a folder that root alone may write to")
    os.chmod(base, 0o711)  # noqa: S103 - copies pass through it to their own, whatever our umask is
    for uid in _free_of_people(range(order["first_uid"], order["first_uid"] + order["places"])):
        lock = os.open(f"{base}/{uid}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        folder = f"{base}/{uid}"
        kill_all_of(uid)  # what a copy left whose keeper was killed
        _remove(folder)
        os.mkdir(folder, 0o700)
        os.chown(folder, uid, uid)
        return Place(uid, folder, lock)
    return None


def _report(said: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # nobody is left to read it
        os.write(2, json.dumps(said).encode() + b"\n")


def _reap() -> None:
    deadline = time.monotonic() + REAP_SECONDS
    with suppress(ChildProcessError):  # none is left
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)


def _remove(folder: str) -> None:
    if os.path.lexists(folder):  # rm goes to any depth, and follows no links
        removing = ["rm", "-rf", "--one-file-system", "--", folder]
        os.waitpid(os.posix_spawn("/bin/rm", removing, {}), 0)


def _free_of_people(uids: range) -> list[int]:
    """Those that this machine has no account of: whatever else a user runs would be ended with a copy."""
    with open("/etc/passwd") as accounts:
        known = {fields[2] for line in accounts if len(fields := line.split(":")) > 2}
    return [uid for uid in uids if str(uid) not in known]


def _processes_of(uid: int) -> Iterator[str]:
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == uid:  # also of one that may not be looked into
                yield name


def _paths(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield os.path.join(parent, name)


if __name__ == "__main__":
    main()
