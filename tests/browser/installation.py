"""A whole installation on this machine for the browser to look at: web, worker and clock against the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from launch.ports import free_port
from services.core.environment import load_settings
from services.platform import schema
from services.platform.accounts.accounts import create_account
from services.platform.platform import Platform
from tools.servers.ports import wait_for_port
from tools.servers.sandbox import Sandbox, running_sandbox
from tools.servers.valkey import running_valkey

EMAIL, PASSWORD = "ana@example.com", "correct horse battery"
ROOT = Path(__file__).parents[2]
PROCESSES = (("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"), ("jobs.worker",), ("jobs.clock",))


@dataclass(frozen=True)
class Installation:
    """Where it answers, the Telegram it talks to, and its inside."""

    url: str
    sandbox: Sandbox
    platform: Platform


@contextmanager
def running_installation(folder: Path) -> Iterator[Installation]:
    """Start everything in `folder` and end it again."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(running_valkey(folder))
        sandbox = stack.enter_context(running_sandbox(folder))
        port = free_port()
        values = _environment(folder, port, redis_url, sandbox.url)
        platform = Platform(load_settings(values))
        schema.upgrade(platform)
        create_account(platform, EMAIL, PASSWORD, False)
        for process in PROCESSES:
            stack.enter_context(_running(process, values, folder / f"{process[0]}.log"))
        wait_for_port(port)
        yield Installation(f"http://127.0.0.1:{port}", sandbox, platform)
        platform.database.dispose()


def _environment(folder: Path, port: int, redis_url: str, telegram: str) -> dict[str, str]:
    return {
        "APP_ENV": "test",
        "PORT": str(port),
        "DATA_DIR": str(folder),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a-secret-for-tests-only",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "TELEGRAM_API_URL": telegram,
        "TELEGRAM_LINK_URL": telegram,
        "WEBHOOK_BASE_URL": f"http://127.0.0.1:{port}",
        "HEALTH_INTERVAL_SECONDS": "1",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def _running(module: tuple[str, ...], values: dict[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", *module]
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**inherited, **values}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
