"""Running `flask --app wsgi …` as an administrator does: a process of its own beside the web."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from services.core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def start_flask(settings: Settings, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start it on the installation of `settings`, with nobody at the keyboard."""
    given = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        **environ,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env=given,
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
