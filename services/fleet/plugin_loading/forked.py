"""The inside of a `SideProcess`: reads a line of JSON per order from stdin, answers each with a line on stdout, and ends with its
stdin, or when there was no order for a minute.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

IDLE_SECONDS: Final = 60.0
SLOW_SECONDS: Final = 0.5  # far more than a plugin takes, and less than a large library
LOWEST_PRIORITY: Final = 19
Answer = dict[str, Any]


@dataclass(frozen=True)
class Silence:
    """A child that said nothing: it was late, or ended with `status`, as os.waitpid tells it."""

    is_late: bool
    status: int

    @property
    def how(self) -> str:
        """How it ended."""
        code = os.waitstatus_to_exitcode(self.status)
        return f"with exit code {code}" if code >= 0 else f"by signal {-code}"


def answer_orders(carry_out: Callable[[dict[str, Any]], Answer]) -> None:
    """Answer until stdin ends, or nothing comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; whoever started us ends us
    while select.select([sys.stdin], [], [], IDLE_SECONDS)[0]:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        sys.stdout.write(json.dumps(carry_out(json.loads(line))) + "\n")
        sys.stdout.flush()


def in_child(work: Callable[[], Answer], seconds: float) -> Answer | Silence:
    """What `work` returns, done in a child that is ended after `seconds`, with all that it has started."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _work(work, writing)
    os.close(writing)
    said, is_late = _read(reading, seconds, child)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if said.endswith(b"\n"):
        answer: Answer = json.loads(said)
        return answer
    return Silence(is_late, status)


def _work(work: Callable[[], Answer], writing: int) -> NoReturn:
    """In the child: work, tell, end."""
    leave = os._exit  # before somebody else's code
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(work()).encode() + b"\n")
    except BaseException:  # noqa: BLE001  # the child of a server must not go on as one
        leave(1)
    leave(0)


def _read(reading: int, seconds: float, child: int) -> tuple[bytes, bool]:
    """What the child says before it ends or the time is over; whether it is. A slow one gives way to those that serve."""
    said, begun, is_slow = b"", time.monotonic(), False
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while (left := begun + seconds - time.monotonic()) > 0:
            if select.select([pipe], [], [], left if is_slow else min(SLOW_SECONDS, left))[0]:
                part = pipe.read(65536)
                said += part
                if not part or part.endswith(b"\n"):
                    return said, False
            elif not is_slow:
                is_slow = True
                with suppress(ProcessLookupError):
                    os.setpriority(os.PRIO_PROCESS, child, LOWEST_PRIORITY)
    return said, True
