"""A Valkey for one purpose: on a loopback port with a password that only this process knows, ended with the block."""

from __future__ import annotations

import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from redis import RedisError

from services.core.errors import Unavailable
from services.platform.redis.connection import probing_client
from services.platform.redis.engine import find_engine

READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
CONFIGURATION: Final = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly {appendonly}
save ""
maxmemory-policy noeviction
"""


@contextmanager
def private_redis(data: Path | None = None) -> Iterator[str]:
    """Run the server on `data`, the folder of the embedded one, kept by its append-only file, or on nothing; its address.

    Raises Unavailable, ConfigurationError when there is no server program.
    """
    port, password = _free_port(), secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="flotilla-") as folder:
        text = CONFIGURATION.format(
            port=port, password=password, folder=data or folder, appendonly="yes" if data else "no"
        )
        process = subprocess.Popen(  # noqa: S603 - our own server, configured by its input: nobody reads the password there
            [str(find_engine().binary), "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        try:
            if process.stdin:
                with process.stdin as configuration:
                    configuration.write(text)
            url = f"redis://:{password}@127.0.0.1:{port}/0"
            _wait(url, process)
            yield url
        finally:
            process.terminate()  # it writes its append-only file to the end
            process.wait(STOP_SECONDS)


def embedded_folder(data_dir: Path) -> Path:
    """Where the embedded server of an installation keeps its data. Raises ConfigurationError."""
    return data_dir.resolve() / find_engine().name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    client = probing_client(url)
    try:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
                return
            except RedisError:
                time.sleep(0.02)
    finally:
        client.close()
    raise Unavailable("A Valkey of its own does not start", code="backup_redis_failed")
