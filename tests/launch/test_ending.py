"""Ends, ordered and violent, and the starts after them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from redis import Redis

from launch.ports import free_port
from tests.launch.installation import ROOT, descendants, environment, is_running, running, wait_until


def test_ctrl_c_ends_everything_in_order(tmp_path: Path) -> None:
    with running(tmp_path / "data", free_port()) as installation:
        below = descendants(installation.process.pid)
        assert len(below) >= 6
        asked = time.monotonic()
        assert installation.stop(signal.SIGINT) == 0
        assert time.monotonic() - asked < 15
        assert [pid for pid in below if is_running(pid)] == []
        assert not (tmp_path / "data" / "redis.url").exists()
        assert installation.output().rstrip().endswith("Stopped.")
        assert "SIGTERM" not in installation.output()  # what supervisord thinks of our own request


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


def test_after_a_killed_launcher_nothing_stays_behind(tmp_path: Path) -> None:
    with running(tmp_path / "data", free_port()) as installation:
        below = descendants(installation.process.pid)
        installation.process.kill()
        installation.process.wait()
        wait_until(lambda: not any(map(is_running, below)), 15, "all processes gone")


def test_after_everything_was_killed_it_starts_again_with_its_data(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "data", port) as installation:
        client = Redis.from_url((tmp_path / "data" / "redis.url").read_text().strip())
        client.set("kept", "yes")
        time.sleep(1.5)  # appendfsync everysec
        for pid in [installation.process.pid, *descendants(installation.process.pid)]:
            os.kill(pid, signal.SIGKILL)
        installation.process.wait()
    with running(tmp_path / "data", port):
        client = Redis.from_url((tmp_path / "data" / "redis.url").read_text().strip())
        assert client.get("kept") == b"yes"


def test_a_valkey_left_over_by_a_killed_supervisor_is_not_started_twice(tmp_path: Path) -> None:
    with running(tmp_path / "data", free_port()) as installation:
        supervisor = int((tmp_path / "data" / "supervisor" / "supervisord.pid").read_text())
        os.kill(supervisor, signal.SIGSTOP)  # it can neither restart nor stop anything
        installation.process.kill()
        os.kill(supervisor, signal.SIGKILL)
        installation.process.wait()
    with running(tmp_path / "data", free_port()) as again:
        servers = [pid for pid in descendants(again.process.pid) if "valkey-server" in _command(pid)]
        assert len(servers) == 1


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
