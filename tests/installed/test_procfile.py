"""Each line of the Procfile as it stands, as a host such as Heroku starts it, on PostgreSQL and a Redis of its own."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from launch.ports import free_port
from tests.installed.commands import Clone, Command, kill, leaks, processes_in, wait_for
from tests.installed.web import Person, Web, all_run, clicked, make_fleet
from tools.servers.postgres import running_postgres
from tools.servers.sandbox import Sandbox

pytestmark = pytest.mark.timeout(400)
COMMAND_SECONDS = 60.0  # release, and what an operator types
READY_SECONDS = 60.0
CLICK_SECONDS = 60.0  # a new bot waits for its first good check, every 15 s
ANSWER_SECONDS = 30.0
TERM_SECONDS = 25.0  # Heroku kills after 30 s
# What Heroku's router adds to each request.
ROUTED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"}


@pytest.fixture
def postgres(server_folder: Path) -> Iterator[str]:
    """An empty database, addressed as Heroku does."""
    folder = server_folder / "procfile-postgres"
    folder.mkdir()
    with running_postgres(folder) as server:
        yield server.url.replace("postgresql://", "postgres://", 1)


@pytest.fixture
def dyno(installed: Clone, postgres: str, redis_url: str, sandbox: Sandbox) -> dict[str, str]:
    """The environment of a process: what app.json asks for, what the add-ons and the host set."""
    port = free_port()
    asked = json.loads((installed.folder / "app.json").read_text())["env"]
    values = {name: entry["value"] for name, entry in asked.items() if "value" in entry}
    return {
        **values,
        "SECRET_KEY": secrets.token_hex(32),
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}",
        "TELEGRAM_API_URL": sandbox.url,
        "DATABASE_URL": postgres,
        "REDIS_URL": redis_url,
        "PORT": str(port),
        "PATH": os.pathsep.join([str(installed.programs), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(installed.folder),
    }


def test_every_line_of_the_procfile_does_its_part(
    installed: Clone, dyno: dict[str, str], sandbox: Sandbox, tmp_path: Path, measured: list[str]
) -> None:
    lines = _procfile(installed)
    release = lines.pop("release")
    for _ in range(2):  # the second one finds nothing to do
        _typed(release, installed, dyno)
    _typed("flask --app wsgi accounts create you@example.com --admin", installed, dyno)
    key = _typed("flask --app wsgi keys create you@example.com", installed, dyno).strip()
    bots = {mode: sandbox.create_bot() for mode in ("webhook", "polling")}
    with _started(lines, installed, dyno, tmp_path) as processes:
        _use(Web(dyno["WEBHOOK_BASE_URL"], Authorization=f"Bearer {key}", **ROUTED), bots, sandbox, processes)
        assert leaks(installed.folder) == []
        measured.append(f"Procfile, SIGTERM -> all gone: {_end(processes, installed):.1f} s")


def _use(web: Web, bots: dict[str, dict[str, Any]], telegram: Sandbox, processes: dict[str, Command]) -> None:
    """What every process is there for: a click wants web and clock, an answer web or poller, and worker."""
    running = processes.values()
    wait_for(lambda: _is_live(web), READY_SECONDS, "the web process ready", *running)
    make_fleet(web, "first", {bot["token"]: mode for mode, bot in bots.items()})
    wait_for(lambda: all_run(web), CLICK_SECONDS, "all bots running", *running)
    link = wait_for(lambda: clicked(web, "first"), CLICK_SECONDS, "a click sent to a bot", *running)
    people = {"the link's": Person(telegram, link)}
    people |= {f"the {mode}": Person(telegram, f"/{bot['username']}") for mode, bot in bots.items()}
    for which, person in people.items():
        wait_for(person.answered, ANSWER_SECONDS, f"an answer of {which} bot to /start", *running)


@contextmanager
def _started(
    lines: dict[str, str], clone: Clone, environ: dict[str, str], logs: Path
) -> Iterator[dict[str, Command]]:
    """The processes, each with a log of its own."""
    processes: dict[str, Command] = {}
    try:
        for name, line in lines.items():
            # exec: the exit code is then the program's own
            command = ["sh", "-c", f"exec {line}"]
            processes[name] = Command(command, clone.folder, environ, logs / f"{name}.log")
        yield processes
    finally:
        kill(clone.folder, *processes.values())


def _end(processes: dict[str, Command], clone: Clone) -> float:
    """End all at once, as a host does; the seconds until the last is gone."""
    asked = time.monotonic()
    for process in processes.values():
        process.send(signal.SIGTERM)
    for process in processes.values():
        assert process.wait(asked + TERM_SECONDS - time.monotonic()) == 0, process.tail()
        assert "Traceback" not in process.output(), process.output()
    seconds = time.monotonic() - asked
    assert processes_in(clone.folder) == {}
    return seconds


def _procfile(clone: Clone) -> dict[str, str]:
    lines = (clone.folder / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines)}


def _typed(line: str, clone: Clone, environ: dict[str, str]) -> str:
    """Run a command to its end, which must be a good one; what it printed."""
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=clone.folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def _is_live(web: Web) -> bool:
    try:
        return web.get("/health/live").status == 200
    except URLError:  # nobody listens yet
        return False
