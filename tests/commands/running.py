"""Running `flask --app wsgi …` as an administrator does: a process of its own beside the web."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from services.core.settings import Settings
from services.platform.platform import Platform
from tests.forked import Forked

ROOT = Path(__file__).resolve().parents[2]


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


def start_forked_flask(platform: Platform, *arguments: str, **environ: str) -> Forked:
    """Start it in a fork, for a tenth of the CPU; see `tests/forked.py`."""
    platform.database.dispose()  # SQLite's connections must not be carried into another process
    return Forked(_environ(platform.settings, environ), "flask", "--app", "wsgi", *arguments)


def forked_flask(platform: Platform, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it in a fork to its end."""
    return start_forked_flask(platform, *arguments, **environ).communicate(timeout=60)


def _environ(settings: Settings, more: dict[str, str]) -> dict[str, str]:
    """All that it sees of the environment."""
    return {
        "PATH": os.environ["PATH"],
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        **more,
    }
