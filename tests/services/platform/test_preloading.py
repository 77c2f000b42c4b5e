"""What masters fork with: imports, and nothing that children must not share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from launch.programs import ROOT

TOLD = """
import gc, os, runpy, sys
import jobs.worker
from services.platform.preloading import share_imports

def tell(name):
    open_files = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{number}")]
    sockets = [name for name in open_files if name.startswith("socket")]
    print(name, len(os.listdir("/proc/self/task")), sockets, gc.get_freeze_count() > 10_000, gc.isenabled())

share_imports()
tell("worker")
runpy.run_path("gunicorn.conf.py")["when_ready"](None)
tell("web")
print([name for name in ("app", "blueprints.webhooks", "wsgi") if name in sys.modules])
"""


LISTENS = """
import runpy, sys
runpy.run_path("gunicorn.conf.py")
print([name for name in ("sqlalchemy", "redis", "flask", "werkzeug", "telebot", "app") if name in sys.modules])
"""


def told(program: str, folder: Path) -> list[str]:
    """The lines that it prints."""
    environ = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(folder),
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "FLASK_SKIP_DOTENV": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_a_master_has_imports_and_neither_threads_nor_connections_nor_an_application(tmp_path: Path) -> None:
    assert told(TOLD, tmp_path) == [
        "worker 1 [] True True",
        "web 1 [] True True",
        "['app', 'blueprints.webhooks']",
    ]


def test_a_web_process_listens_before_it_imports_what_serves(tmp_path: Path) -> None:
    """Who comes meanwhile waits for it; before that they are refused."""
    assert told(LISTENS, tmp_path) == ["[]"]
