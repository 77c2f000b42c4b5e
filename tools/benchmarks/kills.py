"""Kills web, worker and Valkey at random under load, then counts: is every answered click a row, and just one?

The clicks reach the rows as in production: the clock rings, the worker flushes. Compared are the tokens of all answers,
the rows, the sums of the rollups, and the totals of pool and members.
"""

from __future__ import annotations

import http.client
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redis import RedisError
from sqlalchemy import func, select

from launch.ports import free_port
from models import Click, ClickRollup, PoolBot, RedirectPool
from services.core.environment import load_settings
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.benchmarks.figures import Figure
from tools.benchmarks.fleet import make_fleet
from tools.benchmarks.load import PERSON
from tools.benchmarks.servers import start, stop, valkey_command
from tools.servers.process_tree import children, kill_family

VISITORS = 8
VICTIMS = ("web", "valkey", "worker")
SETTLE_SECONDS = 120.0  # a killed worker's lease and its job's doorbell end first


class Installation:
    """Valkey, gunicorn, worker and clock as processes that can be killed and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis_port, self.web_port, self.password = free_port(), free_port(), secrets.token_hex(8)
        self.environ = {
            "DATA_DIR": str(folder),
            "REDIS_URL": f"redis://:{self.password}@127.0.0.1:{self.redis_port}/0",
            "PORT": str(self.web_port),
            "TELEGRAM_API_URL": "http://127.0.0.1:9",  # nobody: the sweep finds an outage and holds
            "LOG_LEVEL": "ERROR",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start `valkey`, `web`, `worker` or `clock`."""
        command = {
            "valkey": valkey_command(self.folder, self.redis_port, self.password),
            "web": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
            "worker": [sys.executable, "-m", "jobs.worker"],
            "clock": [sys.executable, "-m", "jobs.clock"],
        }[name]
        self.processes[name] = start(command, self.environ, self.folder / "processes.log")

    def kill(self, name: str) -> None:
        """`kill -9`, without warning; for `web` the worker that answers, which its master replaces."""
        process = self.processes[name]
        if name == "web":
            for child in children(process.pid):
                os.kill(child, signal.SIGKILL)
            return
        kill_family(process.pid)
        process.wait()
        time.sleep(random.uniform(0, 1.5))
        self.start(name)

    def stop(self) -> None:
        """End everything in order."""
        for name in ("web", "clock", "worker", "valkey"):
            if name in self.processes:
                stop(self.processes[name])


@dataclass(frozen=True)
class Storm:
    """What was answered, and what is in the database when all has come to rest."""

    tokens: list[str]
    statuses: Counter[str]
    killed: Counter[str]
    rows: set[str]
    sums: tuple[int, int, int]  # of the rollups, of the pool, of its members

    @property
    def lost(self) -> int:
        """Answered clicks without a row."""
        return len(set(self.tokens) - self.rows)

    @property
    def doubled(self) -> int:
        """Tokens given twice, and what a sum counts more or less than there are rows."""
        return len(self.tokens) - len(set(self.tokens)) + max(abs(one - len(self.rows)) for one in self.sums)

    def figures(self) -> list[Figure]:
        """The row of the table."""
        detail = (
            f"lost {self.lost}, doubled {self.doubled}; killed {dict(self.killed)}; {len(self.tokens):,} clicks answered "
            f"({dict(self.statuses)}), {len(self.rows):,} rows (those beyond: a kill cut their answer off), rollups and "
            f"totals {self.sums}"
        )
        what = f"clicks lost or doubled over {self.killed.total()} kill -9 during {len(self.tokens):,} clicks"
        return [Figure(what, self.lost + self.doubled, "", 0, 0, detail=detail)]


def run(folder: Path, kills: int, clicks: int) -> Storm:
    """Run the storm and count."""
    house = Installation(folder)
    try:
        house.start("valkey")
        platform = Platform(load_settings(house.environ))
        _until(platform.redis.ping)
        schema.upgrade(platform)
        make_fleet(platform, bots=6)
        for name in ("web", "worker", "clock"):
            house.start(name)
        _until(lambda: _listens(house.web_port))
        tokens, statuses, killed = storm(house, kills, clicks)
        settle(platform)
        return count(platform, tokens, statuses, killed)
    finally:
        house.stop()


def storm(house: Installation, kills: int, clicks: int) -> tuple[list[str], Counter[str], Counter[str]]:
    """Click from several visitors while processes die; the tokens of all answers, statuses, kills."""
    tokens: list[str] = []
    statuses: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    done = threading.Event()
    visitors = [
        threading.Thread(target=visit, args=(house.web_port, tokens, statuses, done)) for _ in range(VISITORS)
    ]
    try:
        for visitor in visitors:
            visitor.start()
        for number in range(kills):
            _until(partial(_reached, tokens, clicks * number // kills))
            time.sleep(random.uniform(0.1, 0.6))
            victim = VICTIMS[number % len(VICTIMS)]
            house.kill(victim)
            killed[victim] += 1
        _until(partial(_reached, tokens, clicks))
    finally:
        done.set()
        for visitor in visitors:
            visitor.join()
    return tokens, statuses, killed


def visit(port: int, tokens: list[str], statuses: Counter[str], done: threading.Event) -> None:
    """Click until `done`, noting the token of each answer; a lost connection is opened anew."""
    while not done.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            while not done.is_set():
                connection.request("GET", "/go/red1", headers={"User-Agent": PERSON})
                answer = connection.getresponse()
                answer.read()
                statuses[str(answer.status)] += 1
                if answer.status == 302:
                    tokens.append((answer.headers["Location"] or "").rpartition("_")[2])
        except (OSError, http.client.HTTPException):
            statuses["connection lost"] += 1
            time.sleep(0.05)
        finally:
            connection.close()


def settle(platform: Platform) -> None:
    """Wait until the spool and the stream are empty."""
    spool = platform.settings.data_dir / "spool"
    _until(lambda: not list(spool.glob("*.jsonl")))
    _until(lambda: platform.redis.xlen(keys.click_stream()) == 0)


def count(platform: Platform, tokens: list[str], statuses: Counter[str], killed: Counter[str]) -> Storm:
    """Read rows, rollups and totals."""
    with platform.database.reading() as session:
        rows = set(session.scalars(select(Click.id)))
        sums = tuple(
            int(session.scalar(select(func.sum(column))) or 0)
            for column in (ClickRollup.clicks, RedirectPool.total_redirects, PoolBot.total_redirects)
        )
    return Storm(tokens, statuses, killed, rows, (sums[0], sums[1], sums[2]))


def _reached(tokens: list[str], number: int) -> bool:
    return len(tokens) >= number


def _listens(port: int) -> bool:
    socket.create_connection(("127.0.0.1", port), 1).close()
    return True


def _until(condition: Callable[[], object], seconds: float = SETTLE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (RedisError, OSError):
            pass  # whoever was asked is still down: that it comes back is what is waited for
        time.sleep(0.05)
    raise TimeoutError("the installation did not come to rest")
