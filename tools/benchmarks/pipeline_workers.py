"""The worker processes of an installation that is measured: started, killed, replaced by fresh ones."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from services.platform.platform import Platform
from services.platform.redis import keys
from tools.benchmarks.servers import start, stop
from tools.servers.process_tree import children, kill_family

READY_SECONDS = 60.0
SHARED_SECONDS = (
    20.0  # until two workers have each their half of the lanes: they look every 5 s, at what has stood for 15
)
SETTLED_SECONDS = 2.0  # after its first sign of life: its queues are open, what it does at its start is done


class Workers:
    """Worker processes that end with this one."""

    def __init__(self, platform: Platform, environ: Mapping[str, str], log: Path) -> None:
        self._platform, self._environ, self._log = platform, environ, log
        self._running: list[subprocess.Popen[bytes]] = []

    def pids(self) -> list[int]:
        """Their process ids."""
        return [each.pid for each in self._running]

    def start(self, number: int = 1) -> None:
        """Start so many more."""
        command = [sys.executable, "-m", "tools.benchmarks.counted_worker"]
        self._running += [start(command, self._environ, self._log) for _ in range(number)]

    def replace(self) -> None:
        """`kill -9` for the oldest; another is started at once."""
        victim = self._running.pop(0)
        kill_family(victim.pid)
        victim.wait()
        self.start()

    def renew(self) -> None:
        """End all in order and start one, which has given its sign of life but handled nothing when this returns."""
        self.stop()
        self.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until all have given a sign of life, and a moment more. Raises TimeoutError."""
        deadline = time.monotonic() + READY_SECONDS
        while not all(self._beats() & {f":{pid}" for pid in children(each.pid)} for each in self._running):
            if time.monotonic() > deadline:
                raise TimeoutError("a worker gave no sign of life")
            time.sleep(0.05)
        time.sleep(SETTLED_SECONDS)

    def stop(self) -> None:
        """End all in order."""
        while self._running:
            stop(self._running.pop())

    def _beats(self) -> set[str]:
        """ ":<process id>" of every worker that ever beat."""
        found = cast(list[str], self._platform.redis.zrange(keys.processes(), 0, -1))
        worker_names = [name for name in found if name.startswith("worker@")]
        return {name[name.rindex(":") :] for name in worker_names}
