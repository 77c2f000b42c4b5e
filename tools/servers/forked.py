"""A program of `jobs` forked off a process that has everything imported: it starts in a few hundredths of its time.

For tests of what such a program does. That it starts as a whole is tested where installations are.
"""

from __future__ import annotations

import array
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.core.child_processes import tied_to_parent
from tools.servers.process_tree import children, kill_family

FORK_SECONDS = 10.0
ROOT = Path(__file__).resolve().parent.parent.parent


class ForkedProcess:
    """`python {arguments}`, where they begin with `-m` or `-c`; to be used as a `subprocess.Popen` is.

    It ends with this process, and has nobody at the keyboard. Its errors go where this process's go, or to `stderr`.
    """

    def __init__(self, arguments: tuple[str, ...], environ: Mapping[str, str], stderr: int = 2) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._end, theirs = socket.socketpair()
        order = {"arguments": arguments, "environ": dict(environ), "cwd": os.getcwd()}
        nobody = os.open(os.devnull, os.O_RDONLY)
        _fork_server().give(order, (theirs.fileno(), nobody, 1, stderr))
        theirs.close()
        os.close(nobody)
        self._said = self._end.makefile("rb", buffering=0)
        self.pid = int(self._said.readline())

    @property
    def working_pid(self) -> int:
        """Of the process that works: of `-m jobs.worker` it is the one that it forks."""
        if self.args != ("-m", "jobs.worker"):
            return self.pid
        deadline = time.monotonic() + FORK_SECONDS
        while not (forked := children(self.pid)):
            if time.monotonic() > deadline:
                raise ChildProcessError(f"{self.args} forks nobody")
            time.sleep(0.01)
        return forked[0]

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self.returncode if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once there is one; TimeoutExpired when that takes longer than `timeout` seconds."""
        if not self._has_ended(timeout) or self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, of what it has forked as well."""
        if self.poll() is None:
            kill_family(self.pid)

    def _has_ended(self, timeout: float | None) -> bool:
        if self.returncode is None and select.select([self._end], [], [], timeout)[0]:
            self.returncode = int(self._said.readline())
            self._said.close()
            self._end.close()
        return self.returncode is not None


class _ForkServer:
    """tools/servers/fork_server.py, one for this process, ended with it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        command = [sys.executable, "-m", "tools.servers.fork_server", str(theirs.fileno())]
        self._process = subprocess.Popen(
            tied_to_parent(command), cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        atexit.register(self._end)

    def give(self, order: Mapping[str, object], descriptors: tuple[int, ...]) -> None:
        """Have a process forked off."""
        handed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        with self._lock:
            self._control.sendmsg([json.dumps(order).encode()], handed)

    def _end(self) -> None:
        """With it end those that still run; what they all cost is counted with this process."""
        self._control.close()
        self._process.wait(10)


@cache
def _fork_server() -> _ForkServer:
    return _ForkServer()
