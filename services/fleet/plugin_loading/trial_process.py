"""The process in which versions of plugins are tried, a forked child each; see `trial`.

Reads a line of JSON per version from stdin, answers each with a line on stdout, and ends with its stdin.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import plugins.context  # noqa: F401  # what nearly every plugin imports: here once, instead of in each child
from services.fleet.plugin_loading.importing import import_version
from services.fleet.plugin_loading.versions import LoadFailed, Problem, hash_of

SLOW_SECONDS = 0.5  # of an import: far more than one of a plugin takes, and less than one of a large library
LOWEST_PRIORITY = 19


def main(seconds: float) -> None:
    """Answer until stdin ends. `seconds` is what one import may take."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; whoever started us ends us
    for line in sys.stdin.buffer:
        order = json.loads(line)
        answer = try_version(Path(order["file"]), base64.b64decode(order["source"]), seconds)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def try_version(file: Path, source: bytes, seconds: float) -> dict[str, Any]:
    """The fields of the problem, none without one."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _import(file, source, writing)
    os.close(writing)
    said, is_late = _read(reading, seconds, child)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it has started, too
    _, status = os.waitpid(child, 0)
    if said:
        answer: dict[str, Any] = json.loads(said)
        return answer
    reason = f"its import took longer than {seconds:g} s" if is_late else _ended(status)
    code = "plugin_import_slow" if is_late else "plugin_ends_process"
    return dataclasses.asdict(Problem(file.name, hash_of(source), code, reason))


def _import(file: Path, source: bytes, writing: int) -> None:
    """In the child: import, tell, end."""
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    try:
        import_version(file, source)
        said: dict[str, Any] = {}
    except LoadFailed as failed:
        said = dataclasses.asdict(failed.problem)
    os.write(writing, json.dumps(said).encode())
    os._exit(0)


def _read(reading: int, seconds: float, child: int) -> tuple[bytes, bool]:
    """What the child says before it ends or the time is over; whether it is. A slow one gives way to those that serve."""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        for patience in (min(SLOW_SECONDS, seconds), seconds - SLOW_SECONDS):
            if select.select([pipe], [], [], max(0.0, patience))[0]:
                return pipe.read(65536), False
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, child, LOWEST_PRIORITY)
    return b"", True


def _ended(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
    return f"its import ends the process, {how}"


if __name__ == "__main__":
    main(float(sys.argv[1]))
