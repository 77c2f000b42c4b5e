"""`python -m …` in a process forked off the tests', which have imported what it needs: that is most of what a start costs.

The process reads its own environment, has its own ends of the database, and runs the module from its first line as
`__main__`. A command that is tested so is started as a whole by at least one test beside.
"""

from __future__ import annotations

import gc
import os
import runpy
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parent.parent
AGAIN = ("wsgi",)  # makes the application of the process from its environment when it is imported


class Forked:
    """A running `python -m {arguments}`, with nobody at the keyboard. SQLite connections must be closed before."""

    def __init__(self, environ: Mapping[str, str], *arguments: str) -> None:
        out, err = os.pipe(), os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns where there are threads: none of the tests' holds a lock while a test starts something.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _become(environ, arguments, out[1], err[1])
        self.arguments = arguments
        self._ends = [_reading(pipe) for pipe in (out, err)]

    def communicate(self, timeout: float) -> subprocess.CompletedProcess[str]:
        """Wait until it and all it started have ended; kill it when that takes longer than `timeout` seconds."""
        with ThreadPoolExecutor(2) as readers:
            told = [readers.submit(end.read) for end in self._ends]
            try:
                out, err = [one.result(timeout) for one in told]
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise
            finally:
                status = os.waitpid(self.pid, 0)[1]
        for end in self._ends:
            end.close()
        return subprocess.CompletedProcess(self.arguments, os.waitstatus_to_exitcode(status), out, err)


def _reading(pipe: tuple[int, int]) -> IO[str]:
    """The reading end, once nobody here holds the writing one."""
    os.close(pipe[1])
    return os.fdopen(pipe[0])


def _become(environ: Mapping[str, str], arguments: tuple[str, ...], out: int, err: int) -> NoReturn:
    """In the child: run the module and end, whatever happens, without what the tests do at their end."""
    code = 1
    try:
        gc.disable()  # nothing of the tests' is to be closed here
        _settle(environ, arguments, out, err)
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - it must not become a second run of the tests
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _settle(environ: Mapping[str, str], arguments: tuple[str, ...], out: int, err: int) -> None:
    """What a new process has of its own."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - to its end
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    for name in AGAIN:
        sys.modules.pop(name, None)
    sys.argv = list(arguments)
