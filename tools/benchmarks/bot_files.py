"""The figures of bots as YAML files: `make bench-yaml`, or `python -m tools.benchmarks.bot_files [--bots 500] [--mutations 300]`.

`flask bots plan` and `flask bots apply` run as an operator runs them: a process of its own each time, its start included.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from models import Account
from services.core.environment import load_settings
from services.fleet.declared.bot_file import read_bot_file
from services.fleet.declared.problems import FileRefused
from services.platform import schema
from services.platform.platform import Platform
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.yaml_mutations import mutated
from tools.servers.sandbox import Sandbox, running_sandbox
from tools.servers.valkey import running_valkey

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
TEXT = """\
id: "shop{number}"
name: "Shop {number}"
description: "One of many"
token: "{token}"
enabled: true
mode: "polling"
settings:
  parse_mode: "HTML"
plugins:
  - name: "start"
    config:
      welcome_message: "Welcome to shop {number}!"
  - name: "help"
    config:
      header: "Commands"
      commands:
        - command: "/start"
          description: "Begin"
        - command: "/help"
          description: "This list"
  - name: "error_handler"
    config:
      show_error_id: true
access:
  admin_users:
    - 123456789
rate_limiting:
  default_rate: 30
  burst_size: 10
fsm_strategy: "USER_IN_CHAT"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a figure misses what it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bots", type=int, default=500)
    parser.add_argument("--mutations", type=int, default=300)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="flotilla-bot-files-") as folder:
        figures = [*_mutations(asked.mutations), *_fleet(asked.bots, Path(folder))]
    print_table(figures)
    return 1 if any(figure.verdict == "MISSED" for figure in figures) else 0


def _mutations(count: int) -> list[Figure]:
    load, wrong, homeless = machine_load(), 0, 0
    os.environ["BENCH_TOKEN"] = f"123456789:{'A' * 35}"
    base = TEXT.format(number=1, token="${BENCH_TOKEN}")
    for seed in range(count):
        mutation = mutated(base, random.Random(seed))  # the same ones every time
        try:
            read_bot_file("shop.yaml", mutation.data)
        except FileRefused as refused:
            homeless += (
                not all(one.file and one.place.line for one in refused.problems) or not refused.problems
            )
        else:
            wrong += mutation.is_wrong
    return [
        Figure(f"{count} mutated files: applied wrongly", wrong, "", 0, 0, load=load),
        Figure(f"{count} mutated files: error without file and line", homeless, "", 0, 0, load=load),
    ]


def _fleet(count: int, folder: Path) -> list[Figure]:
    """`plan` before anything is applied, and `apply` when nothing has changed; the slowest of ROUNDS."""
    with running_valkey(folder) as redis_url, running_sandbox(folder) as sandbox:
        environ = {**os.environ, **_installation(folder, redis_url, sandbox.url)}
        _write(folder / "bots", sandbox, count)
        load = machine_load()
        fresh = max(_seconds(environ, "plan", expected=2) for _ in range(ROUNDS))
        first = _seconds(environ, "apply")
        kept = max(_seconds(environ, "plan") for _ in range(ROUNDS))
        unchanged = max(_seconds(environ, "apply") for _ in range(ROUNDS))
        for file in (folder / "bots").iterdir():
            file.write_text(file.read_text().replace("Welcome to", "This is"))
        changed = max(_seconds(environ, "plan", expected=2) for _ in range(ROUNDS))
    detail = f"nothing applied yet {fresh:.2f} s; nothing changed {kept:.2f} s; the first apply, with getMe for each, {first:.1f} s"
    return [
        Figure(
            f"{count} bots, a text of each changed: plan",
            max(fresh, changed),
            "s",
            5,
            2,
            detail=detail,
            load=load,
        ),
        Figure(f"{count} bots, nothing changed: apply", unchanged, "s", 3, 1, load=load),
    ]


def _installation(folder: Path, redis_url: str, telegram: str) -> dict[str, str]:
    """The variables of an installation with its first administrator and an empty folder of bots."""
    variables = {
        "APP_ENV": "test",
        "DATA_DIR": str(folder / "data"),
        "CONFIG_DIR": str(folder / "bots"),
        "REDIS_URL": redis_url,
        "TELEGRAM_API_URL": telegram,
        "LOG_LEVEL": "ERROR",
        "QUOTA_BOTS": "0",
        "FLASK_SKIP_DOTENV": "1",
    }
    (folder / "bots").mkdir()
    platform = Platform(load_settings({**variables, "PATH": os.environ["PATH"]}))
    schema.upgrade(platform)
    with platform.database.transaction() as session:
        session.add(Account(email="admin@example.com", password_hash="-", is_admin=True))  # signs in nowhere
    platform.database.dispose()
    return variables


def _write(folder: Path, sandbox: Sandbox, count: int) -> None:
    for number in range(count):
        token = sandbox.create_bot(username=f"shop{number}_bot")["token"]
        (folder / f"shop{number}.yaml").write_text(TEXT.format(number=number, token=token))


def _seconds(environ: dict[str, str], action: str, *, expected: int = 0) -> float:
    """How long one command takes; its exit code is looked at."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "bots", action]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != expected:
        raise SystemExit(f"flask bots {action}: {done.returncode}\n{done.stdout[-500:]}{done.stderr[-2000:]}")
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
