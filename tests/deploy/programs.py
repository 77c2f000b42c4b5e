"""Prometheus' own tools: on the PATH, or where `.ci/run` unpacks Debian's packages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNPACKED = ROOT / "build" / "prometheus" / "usr" / "bin"


def tool(name: str) -> str:
    """Its path; the test is skipped where it is not."""
    found = shutil.which(name) or shutil.which(name, path=str(UNPACKED))
    if found is None:
        pytest.skip(f"{name} is not here; Debian's packages prometheus and prometheus-alertmanager hold it")
    return found


def said(*command: str) -> str:
    """What a tool said, which must have found nothing wrong."""
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
