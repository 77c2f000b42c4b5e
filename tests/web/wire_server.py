"""gunicorn serving `wire_app`, and clients that speak to it in bytes."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launch.ports import free_port
from tools.benchmarks.servers import ROOT, process
from tools.servers.wire import connect, rest


@contextmanager
def gunicorn(folder: Path, settings: str = "", limits: str = "") -> Iterator[int]:
    """A gunicorn with one worker, ours unless the `settings` say otherwise; its port. `limits` are arguments of `Limits`."""
    folder.mkdir()
    port, config = free_port(), folder / "gunicorn.conf.py"
    config.write_text(
        "from gevent import monkey\nmonkey.patch_all()\n"
        "from web.server.gunicorn_worker import Worker\nfrom web.server.patience import Limits\n"
        f"worker_class, Worker.limits = Worker, Limits({limits})\n"
        f"bind = '127.0.0.1:{port}'\nkeepalive = 2\nforwarded_allow_ips = ''\nlimit_request_line = 8190\n"
        f"control_socket_disable = True\nloglevel = 'critical'\n{settings}"
    )
    command = [sys.executable, "-m", "gunicorn", "-c", str(config), "tests.web.wire_app:application"]
    with process(command, {"PYTHONPATH": str(ROOT)}, folder / "log", port):
        yield port


def exchange(port: int, pieces: tuple[bytes, ...]) -> bytes:
    """All that comes back, without the time of day."""
    with connect(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.05 if len(pieces) > 1 else 0)  # so that they are most likely read apart
        connection.shutdown(socket.SHUT_WR)
        received = rest(connection)
    return re.sub(rb"\r\nDate: [^\r]+", b"", received)
