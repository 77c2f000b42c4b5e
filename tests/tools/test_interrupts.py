"""Commands come to their `finally` and exit with 130, whatever Python was doing when the signal came."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launch.programs import ROOT

COMMAND = """
import signal
import sys
import time
from tools import interrupts

def come():
    signal.raise_signal({number})

class Slow:
    def __del__(self):
        come()

def main():
    try:
        {work}
        time.sleep(20)
    finally:
        print("cleaned up", flush=True)

if __name__ == "__main__":
    sys.exit(interrupts.run(main, "as the test wants"))
"""
WORK = {"exec of a text": 'exec("come()")', "a destructor": "Slow()", "neither": "come()"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("work", WORK)
def test_a_command_that_is_interrupted_cleans_up(tmp_path: Path, work: str, number: signal.Signals) -> None:
    (tmp_path / "command.py").write_text(COMMAND.format(work=WORK[work], number=int(number)))
    ended = subprocess.run(
        [sys.executable, "-m", "command"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (130, "cleaned up\n")
