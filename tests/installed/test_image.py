"""The container image is built and an installation of it played, where there is a builder; minutes, so not in `make unit`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT
from tools.image_check.__main__ import SKIPPED


def test_the_image_is_built_and_an_installation_of_it_runs() -> None:
    command = [sys.executable, "-m", "tools.image_check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "everything held" in done.stdout
