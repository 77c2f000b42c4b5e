"""The attacks in their short form, on one installation of their own: each row of the table must hold.

A full disk and a killed PostgreSQL want two more installations, which is left to `make attack`; on the small scale
`test_no_room.py` fills a disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launch.programs import ROOT
from tests.forked import Forked
from tools.attack.attacks import ATTACKS
from tools.attack.report import as_text
from tools.attack.result import SHORT, SQLITE
from tools.attack.run import run_short
from tools.servers.sandbox import wait_until


@pytest.mark.timeout(400)
def test_nothing_gives_way_in_the_short_run(server_folder: Path) -> None:
    folder = server_folder / "attack"
    folder.mkdir()
    lines: list[str] = []
    chosen = [attack for attack in ATTACKS if attack.prepared is None and attack.short_on == SQLITE]
    assert len(chosen) >= 11
    rows = list(run_short(folder, chosen, SHORT, lines.append))
    assert [row for row in rows if row.held is False] == [], "\n".join([*lines, as_text(rows)])
    assert {row.attack for row in rows if row.held} == {attack.name for attack in chosen}


def test_ctrl_c_ends_a_run_and_its_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.attack", "--short", "--only", "forged", "--keep", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: list(tmp_path.glob("sqlite/*/instance/valkey/server.log")), seconds=60)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


def test_an_unknown_attack_is_an_error() -> None:
    done = Forked(os.environ, "tools.attack", "--only", "no such thing").communicate(timeout=30)
    assert done.returncode == 2
    assert "half requests" in done.stderr
