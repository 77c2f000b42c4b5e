"""Running `flask --app wsgi …` as an administrator does: a process of its own beside the web."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from flask.cli import main

from services.core.settings import Settings
from services.platform.platform import Platform

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


def start_flask(settings: Settings, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start it on the installation of `settings`, with nobody at the keyboard."""
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env=_environ(settings, environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def flask(settings: Settings, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    process = start_flask(settings, *arguments, **environ)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class Forked:
    """`flask --app wsgi …` in a process forked off the tests': all of it but the imports, which are 2 s of CPU.

    It reads its own environment, makes its own application and has its own ends of the database; nothing of the tests'
    is cleaned up when it ends. At least one test of a command starts it as `start_flask` does.
    """

    def __init__(self, platform: Platform, *arguments: str) -> None:
        platform.database.dispose()  # SQLite's connections must not be carried into another process
        out, err = os.pipe(), os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns where there are threads: none of them holds a lock that a command needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            _become_flask(_environ(platform.settings, {}), arguments, out[1], err[1])
        self._ends = [_reading(pipe) for pipe in (out, err)]

    def communicate(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end; kill it when that takes too long."""
        with ThreadPoolExecutor(2) as readers:
            told = [readers.submit(end.read) for end in self._ends]
            try:
                out, err = [one.result(SECONDS) for one in told]
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                raise
            finally:
                status = os.waitpid(self.pid, 0)[1]
        for end in self._ends:
            end.close()
        return subprocess.CompletedProcess([], os.waitstatus_to_exitcode(status), out, err)


def forked_flask(platform: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a fork to its end."""
    return Forked(platform, *arguments).communicate()


def _environ(settings: Settings, more: dict[str, str]) -> dict[str, str]:
    """All that it sees of the environment."""
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        **more,
    }


def _reading(pipe: tuple[int, int]) -> IO[str]:
    """The reading end, once nobody here holds the writing one."""
    os.close(pipe[1])
    return os.fdopen(pipe[0])


def _become_flask(environ: dict[str, str], arguments: tuple[str, ...], out: int, err: int) -> None:
    """In the child: run the command line and end, whatever happens, without what the tests do at their end."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - to its end
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(ROOT)
        sys.modules.pop("wsgi", None)
        sys.argv = ["flask", "--app", "wsgi", *arguments]
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - it must not become a second run of the tests
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
