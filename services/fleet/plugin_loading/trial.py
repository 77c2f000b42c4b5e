"""A version is imported in a process of its own before it is imported here.

Code that hangs, calls `os._exit` or breaks the interpreter does so there: this process goes on serving and hears what came of
it. `trial_process` forks one child per version from a process that has the plugin interface imported already, which takes
20 ms instead of half a second; it is started at the first change and ends when there was none for a minute.
"""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from services.fleet.plugin_loading.versions import LoadFailed, Problem, hash_of

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[3]
IMPORT_SECONDS = 5.0  # an import that takes longer is given up; large libraries take one or two
IDLE_SECONDS = 60.0
ENDED = "the process in which it was tried ended"


class Trial:
    """Tries versions one after the other. Thread-safe; costs nothing while nothing changes."""

    def __init__(self, seconds: float = IMPORT_SECONDS) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0
        self._is_closed = False

    def run(self, file: Path, source: bytes) -> None:
        """Raise LoadFailed unless the version can be imported within the bound."""
        with self._lock:
            self._used = time.monotonic()
            answer = self._ask(file, source)
            if answer is None:  # somebody has ended the process
                answer = self._ask(file, source)
        if answer is None:
            raise LoadFailed(Problem(file.name, hash_of(source), "plugin_broken", ENDED))
        if answer:
            raise LoadFailed(Problem(**answer))

    def rest(self) -> None:
        """End the process if it has not been used for a while."""
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._end()

    def close(self) -> None:
        """End the process, whatever it is at; nothing is tried any more."""
        self._is_closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _ask(self, file: Path, source: bytes) -> dict[str, Any] | None:
        """The problem, empty when there is none; None when the process is gone."""
        if self._is_closed:
            return None
        if self._process is None:
            self._process = self._start()
        process, text = self._process, base64.b64encode(source).decode()
        line = b""
        try:
            if process.stdin is not None and process.stdout is not None:  # they are pipes
                process.stdin.write(json.dumps({"file": str(file), "source": text}).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
        except OSError:
            logger.warning("the process that tries plugins is gone; another one is started")
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._end()
        return None

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "services.fleet.plugin_loading.trial_process", str(self.seconds)]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # ourselves
