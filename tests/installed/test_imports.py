"""`requirements.lock` alone satisfies every import of the product."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.installed.commands import Clone, newcomer

pytestmark = pytest.mark.timeout(300)
IMPORT_SECONDS = 60.0


def test_every_module_finds_its_imports_with_the_lock_alone(
    installed: Clone, tmp_path: Path, measured: list[str]
) -> None:
    # `wsgi` reads the settings when it is imported; it connects to nothing.
    environ = {**newcomer(), "DATA_DIR": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:9"}
    done = subprocess.run(
        [installed.programs / "python", "-m", "tests.installed.imports"],
        cwd=installed.folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=IMPORT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"
    measured.append(f"imported with the lock alone: {done.stdout.strip()}")
