"""The fault harness in its short form: a real installation, some 600 updates, kills of everything, one partition."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launch.programs import ROOT
from tools.chaos.plan import SHORT
from tools.chaos.recorder import KILLS
from tools.chaos.report import report
from tools.chaos.run import run
from tools.chaos.schedule import schedule
from tools.servers.sandbox import wait_until


@pytest.mark.timeout(240)
def test_nothing_is_lost_doubled_or_out_of_order_while_everything_is_killed(server_folder: Path) -> None:
    folder = server_folder / "chaos"
    folder.mkdir()
    lines: list[str] = []
    verdict = run(folder, SHORT, lines.append)
    assert verdict.holds, "\n".join([*lines, report(verdict)])
    assert verdict.updates == SHORT.updates
    killed = {incident.victim for incident in verdict.incidents if incident.name in KILLS}
    assert killed == {"web", "inbound", "outbound", "valkey", "clock", "poller"}


def test_a_seed_fixes_the_attacks() -> None:
    offsets = [
        [(wave.updates, wave.special, [at for at, _ in wave.faults]) for wave in schedule(SHORT)]
        for _ in "ab"
    ]
    assert offsets[0] == offsets[1]


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.chaos", "--short", "--keep", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: (tmp_path / "valkey" / "server.log").exists(), seconds=20)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    assert _processes_of(tmp_path) == []


def _processes_of(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"DATA_DIR={folder}\0".encode() in environ:
            found.append(entry.name)
    return found
