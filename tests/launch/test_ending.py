"""Ends, ordered and violent, and the starts after them.

The tests share a DATA_DIR and, while it lives, the installation on it: what one left running or in ruins is what the next begins with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from launch.ports import free_port
from tests.launch.installation import ROOT, Installation, descendants, environment, is_running, wait_until


class Home:
    """A DATA_DIR with at most one installation on it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._port = free_port()
        self._last: Installation | None = None

    def running(self) -> Installation:
        """The installation that runs, or one that is started now and ready."""
        if self._last is None or self._last.process.poll() is not None:
            self._last = Installation(self.data_dir, self._port)
            self._last.wait_until_ready()
        return self._last

    def redis(self) -> Redis:
        """A client of the embedded server."""
        return Redis.from_url((self.data_dir / "redis.url").read_text().strip())

    def end(self) -> None:
        """Nothing runs any more."""
        if self._last is not None and self._last.process.poll() is None:
            assert self._last.stop(signal.SIGTERM) == 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("launch") / "data")
    yield home
    home.end()


def test_after_everything_was_killed_it_starts_again_with_its_data(home: Home) -> None:
    installation = home.running()
    home.redis().set("kept", "yes")
    time.sleep(1.5)  # appendfsync everysec
    for pid in [installation.process.pid, *descendants(installation.process.pid)]:
        os.kill(pid, signal.SIGKILL)
    installation.process.wait()
    assert home.running() is not installation
    assert home.redis().get("kept") == b"yes"


def test_a_valkey_left_over_by_a_killed_supervisor_is_not_started_twice(home: Home) -> None:
    installation = home.running()
    supervisor = int((home.data_dir / "supervisor" / "supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)  # it can neither restart nor stop anything
    installation.process.kill()
    os.kill(supervisor, signal.SIGKILL)
    installation.process.wait()
    again = home.running()
    servers = [pid for pid in descendants(again.process.pid) if "valkey-server" in _command(pid)]
    assert len(servers) == 1


def test_ctrl_c_ends_everything_in_order(home: Home) -> None:
    installation = home.running()
    below = descendants(installation.process.pid)
    assert len(below) >= 6
    asked = time.monotonic()
    assert installation.stop(signal.SIGINT) == 0
    assert time.monotonic() - asked < 15
    assert [pid for pid in below if is_running(pid)] == []
    assert not (home.data_dir / "redis.url").exists()
    assert installation.output().rstrip().endswith("Stopped.")
    assert "SIGTERM" not in installation.output()  # what supervisord thinks of our own request


def test_after_a_killed_launcher_nothing_stays_behind(home: Home) -> None:
    installation = home.running()
    below = descendants(installation.process.pid)
    installation.process.kill()
    installation.process.wait()
    wait_until(lambda: not any(map(is_running, below)), 15, "all processes gone")


def test_ctrl_c_during_the_first_imports_leaves_no_traceback(tmp_path: Path) -> None:
    impatient = (
        "import os, runpy, signal, sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'dotenv':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "runpy.run_module('launch', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", impatient],
        cwd=ROOT,
        env=environment(tmp_path / "data", free_port()),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Stopped.\n", "")


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
