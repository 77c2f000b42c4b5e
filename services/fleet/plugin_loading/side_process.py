"""A process beside this one, where somebody else's code may hang or crash: what it is told to do it does in forked children.

It has imported beforehand what its children need, so that one costs 20 ms instead of half a second. It is started at the first
order, and ends by itself when there was none for a minute. `forked` is its own side.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

logger = logging.getLogger(__name__)
ROOT: Final = Path(__file__).resolve().parents[3]


class SideProcess:
    """Carries out orders one after the other. Thread-safe; costs nothing while there are none."""

    def __init__(self, module: str, seconds: float) -> None:
        self._command = [sys.executable, "-m", module, str(seconds)]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def ask(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """What it answers; None when it was ended twice meanwhile, or is closed."""
        with self._lock:
            answer = self._ask(order)
            return self._ask(order) if answer is None else answer  # it had ended: there is another now

    def close(self) -> None:
        """End it, whatever it is at; it takes no orders any more."""
        self._is_closed = True
        self._end()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any] | None:
        if self._is_closed:
            return None
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  # ourselves
                self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        process, line = self._process, b""
        try:
            if process.stdin is not None and process.stdout is not None:  # they are pipes
                process.stdin.write(json.dumps(order).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
        except OSError:
            logger.debug("%s is gone; another one is started", self._command[2])
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._end()
        return None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
