"""Waiting for a server to listen."""

from __future__ import annotations

import socket
import time


def wait_for_port(port: int, *, seconds: float = 60) -> None:
    """Return once something accepts connections on `port`; raises TimeoutError otherwise."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
