"""supervisord over all programs: restarts what dies, stops everything in order.

It has no control socket, and its configuration holds no secret: programs get theirs through the environment.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from launch.datadir import write_private
from launch.programs import READY, ROOT, Program
from services.core.child_processes import tied_to_parent

PROGRAM_STOP_SECONDS = 9  # then SIGKILL; with the server's 4 s the whole stays within 15 s
SERVER_STOP_SECONDS = 4
STOP_SECONDS = 15.0
# supervisord warns of our own request to stop, and of each program that it reached before that could end by itself.
OUR_REQUEST = re.compile(
    rb"WARN (received SIGTERM indicating exit request|stopped: \S+ \(terminated by SIGTERM\))$"
)
STARTS = "starts"  # the folder that counts how often each program was started

HEAD = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
loglevel = warn
pidfile = {pidfile}
umask = 077
"""

# startretries: after n quick failures supervisord waits n seconds and tries again; it should never give up.
PROGRAM = """
[program:{name}]
command = {command}
directory = {directory}
priority = {priority}
autorestart = true
startsecs = 1
startretries = 10000
stopsignal = TERM
stopwaitsecs = {stop_seconds}
killasgroup = true
redirect_stderr = true
stdout_logfile = /dev/fd/1
stdout_logfile_maxbytes = 0
"""

# One group, so that its programs are told to stop at once; the server, of a lower priority, follows when all are gone.
GROUP = """
[group:flotilla]
programs = {names}
priority = 20
"""


class Supervisor:
    """A running supervisord. Its own and all programs' output is copied to our standard output."""

    def __init__(self, configuration: Path, environ: dict[str, str], lock: int) -> None:
        self._starts = configuration.parent / STARTS
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)]
        self._process = subprocess.Popen(
            tied_to_parent(command),
            env=environ,
            stdin=lock,  # inherited, the lock on DATA_DIR is held as long as supervisord lives
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the launcher alone, which then stops all in order
        )
        if self._process.stdout is None:  # pragma: no cover - we asked for a pipe
            raise AssertionError("no pipe")
        self._copier = threading.Thread(target=_copy, args=(self._process.stdout,), daemon=True)
        self._copier.start()

    @property
    def pid(self) -> int:
        """The process id of supervisord."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether supervisord still runs."""
        return self._process.poll() is None

    def restarted(self) -> str:
        """The name of a program that ended and was started again since the launch; "" while there is none."""
        counts = ((path.name, path.stat().st_size) for path in sorted(self._starts.iterdir()))
        return next((name for name, count in counts if count > 1), "")

    def all_run(self) -> None:
        """Say that the launch has come through: from now on what ends is simply started again."""
        (self._starts / READY).touch()

    def stop(self) -> None:
        """Stop all programs in order and wait for the end; after STOP_SECONDS by force."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._copier.join(1)


def write_configuration(folder: Path, server: Program | None, programs: Sequence[Program]) -> Path:
    """Write supervisord's configuration into `folder` and give its path."""
    folder.mkdir(mode=0o700, exist_ok=True)
    starts = folder / STARTS
    shutil.rmtree(starts, ignore_errors=True)
    starts.mkdir()
    parts = [HEAD.format(pidfile=_escape(str(folder / "supervisord.pid")))]
    if os.getuid() == 0:
        parts.append(f"user = {getpass.getuser()}\n")  # says that root is meant; it warns otherwise
    if server:
        parts.append(_section(server, starts, 10, SERVER_STOP_SECONDS))
    parts += [_section(program, starts, 20, PROGRAM_STOP_SECONDS) for program in programs]
    parts.append(GROUP.format(names=",".join(program.name for program in programs)))
    path = folder / "supervisord.conf"
    write_private(path, "".join(parts))
    return path


def _section(program: Program, starts: Path, priority: int, stop_seconds: int) -> str:
    return PROGRAM.format(
        name=program.name,
        command=_escape(shlex.join(program.tied_to_parent(starts))),
        directory=_escape(str(ROOT)),
        priority=priority,
        stop_seconds=stop_seconds,
    )


def _escape(value: str) -> str:
    """supervisord replaces %(name)s and cuts at " ;"."""
    if " ;" in value:
        raise ValueError(f"{value}: a path may not contain ' ;'")
    return value.replace("%", "%%")


def _copy(source: IO[bytes]) -> None:
    """Copy lines until the end; a closed console must not block the programs."""
    console: IO[bytes] | None = sys.stdout.buffer
    for line in source:
        if console is None or OUR_REQUEST.search(line.rstrip()):
            continue
        try:
            console.write(line)
            console.flush()
        except (OSError, ValueError):
            console = None
