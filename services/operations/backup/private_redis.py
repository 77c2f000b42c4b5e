"""A Valkey for one purpose: reached by a socket in a private folder only, ended with the block."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from redis import Redis, RedisError

from services.core.errors import Unavailable
from services.platform.redis.engine import find_engine

READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0


@contextmanager
def private_redis(data: Path | None = None) -> Iterator[str]:
    """Run the server on `data`, the folder of the embedded one, kept by its append-only file, or on nothing; its address.

    Raises Unavailable, ConfigurationError when there is no server program.
    """
    engine = find_engine()
    with tempfile.TemporaryDirectory(prefix="flotilla-") as folder:  # short: a socket's path has 108 bytes
        socket = Path(folder) / "redis.sock"
        options = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(data or folder),
            "appendonly": "yes" if data else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        command = [
            str(engine.binary),
            *(word for name, value in options.items() for word in (f"--{name}", value)),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own server
        try:
            _wait(socket, process)
            yield f"unix://{socket}"
        finally:
            process.terminate()  # it writes its append-only file to the end
            process.wait(STOP_SECONDS)


def embedded_folder(data_dir: Path) -> Path:
    """Where the embedded server of an installation keeps its data. Raises ConfigurationError."""
    return data_dir.resolve() / find_engine().name


def _wait(socket: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    client = Redis(unix_socket_path=str(socket))
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client.ping()
            return
        except RedisError:
            time.sleep(0.02)
        finally:
            client.close()
    raise Unavailable("A Valkey of its own does not start; see the lines above", code="backup_redis_failed")
