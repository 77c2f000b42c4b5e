"""H5 for conversion, delivery and waves: the same tests hold wherever the clock on the wall is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
FILES = ("test_conversion_signal.py", "test_conversion_pool.py", "test_delivery.py", "test_wave.py")
SELECTED = "two_dead_of_six or half_the_usual or starts or hold or what_is_known or two_losses or far_apart"


def test_the_layers_hold_wherever_the_clock_on_the_wall_is() -> None:
    files = [str(FOLDER / name) for name in FILES]
    options = ["-q", "-p", "no:cacheprovider", "-k", f"({SELECTED}) and not postgresql"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        env={**os.environ, "TZ": "America/Sao_Paulo"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout[-2000:]
