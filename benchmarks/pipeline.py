"""Webhook POST -> reply received by the Bot API: `python -m benchmarks.pipeline [--bots 100] [--chats 30] …`.

Web (gunicorn, one gevent worker), one worker process and Valkey (AOF everysec) as deployed; Telegram is played by
`benchmarks.telegram` in its own process on the same machine. Pacing and the limits per user are set so high that
nobody meets them: they are passed, but are not what is measured. Prints a table and, with --json, one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT, gunicorn, valkey
from models import Account, Bot, BotPlugin
from services import schema
from services.bots.webhook_secret import webhook_secret
from services.environment import load_settings
from services.platform import Platform
from services.redis import keys

LIMITS_OFF = {
    "PACING_BOT_PER_SECOND": "100000",
    "PACING_CHAT_PER_SECOND": "100000",
    "PACING_CHAT_BURST": "100000",
    "RATE_LIMITS_JSON": '{"default": {"limit": 10000, "window": 1}}',
    "USER_RATE_PER_MINUTE": "1000000",
    "USER_RATE_BURST": "10000",
}


def main() -> None:
    """Measure full load, a steady rate and single updates."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        telegram = stack.enter_context(_telegram(options.delay))
        environ = _environ(folder, stack.enter_context(valkey(folder)), telegram.port, options.log_level)
        platform = Platform(load_settings(environ))
        schema.upgrade(platform.database)
        bots = _make_bots(platform, options.bots)
        log = options.log or folder / "log"
        web = stack.enter_context(gunicorn("gunicorn.conf.py", "wsgi:app", environ, log))
        stack.enter_context(_worker({**environ, "SQL_COUNT_FILE": str(folder / "sql")}, log))
        telegram.say({"web_port": web.port, "connections": 32, "bots": bots, "chats": options.chats})
        meter = Meter(platform, folder / "sql")
        telegram.run(options.bots * options.chats, window=options.window)  # everybody is known after this
        rows = {
            "full load": meter.around(lambda: telegram.run(options.updates, window=options.window)),
            f"{options.rate}/s": meter.around(lambda: telegram.run(options.rate * 10, rate=options.rate)),
            "one by one, 5/s": meter.around(lambda: telegram.run(25, rate=5)),
        }
        _print(rows)
        if options.json:
            print(json.dumps(rows))


class Meter:
    """Round trips to Redis and SQL statements of a run, per update."""

    def __init__(self, platform: Platform, sql: Path) -> None:
        self._redis = platform.redis
        self._sql = sql

    def around(self, run: Any) -> dict[str, Any]:
        """The report of `run` with both figures added."""
        time.sleep(1.0)
        reads, statements = self._reads(), self._statements()
        report: dict[str, Any] = run()
        reads = self._reads() - reads
        time.sleep(0.3)
        report["round_trips"] = round(reads / max(1, report["posted"]), 2)
        report["sql"] = round((self._statements() - statements) / max(1, report["posted"]), 3)
        return report

    def _reads(self) -> int:
        """Requests the server has read: a pipeline or script is one."""
        return int(self._redis.info("stats")["total_reads_processed"])

    def _statements(self) -> int:
        return int(self._sql.read_text() or 0) if self._sql.exists() else 0


class Driver:
    """The process that plays Telegram."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._hear()["port"])

    def say(self, order: dict[str, Any]) -> None:
        """Send an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def run(self, updates: int, *, rate: float = 0, window: int = 0) -> dict[str, Any]:
        """Have updates posted; the report."""
        self.say({"updates": updates, "rate": rate, "window": window, "patience": 60})
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        heard: dict[str, Any] = json.loads(self._process.stdout.readline())
        return heard


@contextmanager
def _telegram(delay: float) -> Iterator[Driver]:
    command = [sys.executable, "-m", "benchmarks.telegram", str(delay)]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Driver(process)
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def _worker(environ: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.counted_worker"],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(25)


def _environ(folder: Path, redis_url: str, telegram_port: int, log_level: str) -> dict[str, str]:
    return {
        "APP_ENV": "test",
        "DATA_DIR": str(folder),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "benchmark",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "TELEGRAM_API_URL": f"http://127.0.0.1:{telegram_port}",
        "LOG_LEVEL": log_level,
        **LIMITS_OFF,
    }


def _make_bots(platform: Platform, number: int) -> list[dict[str, str]]:
    """Echo bots; the path and secret of each."""
    with platform.database.transaction() as session:
        account = Account(email="bench@example.org", password_hash="-")
        session.add(account)
        session.flush()
        bots = [_bot(account.id, index) for index in range(1, number + 1)]
        session.add_all(bots)
        session.flush()
        for bot in bots:
            token = f"{bot.telegram_bot_id}:{'A' * 35}"
            bot.sealed_token = platform.vault.seal(token, owner=f"bot:{bot.id}")
    platform.redis.hset(keys.webhook_paths(), mapping={bot.path_id: str(bot.id) for bot in bots})
    return [
        {"path": f"/webhook/{bot.path_id}", "secret": webhook_secret(platform.vault, bot.path_id)}
        for bot in bots
    ]


def _bot(account_id: int, number: int) -> Bot:
    return Bot(
        account_id=account_id,
        public_id=f"bot_{number:012x}",
        telegram_bot_id=1_000_000 + number,
        username=f"bench_{number}_bot",
        sealed_token="-",
        mode="webhook",
        path_id=f"path{number:028d}",
        plugins=[
            BotPlugin(position=0, name="start", config={}),
            BotPlugin(position=1, name="echo", config={"echo_all": True}),
        ],
    )


def _print(rows: dict[str, dict[str, Any]]) -> None:
    print(
        f"{'':18}{'replies/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'web p99':>9}{'trips':>7}{'SQL':>7}{'lost':>6}"
    )
    for name, row in rows.items():
        lost = row["posted"] - row["replies"]
        print(
            f"{name:18}{row['rate']:>10}{row['reply_ms'].get('p50', 0):>9}{row['reply_ms'].get('p99', 0):>9}"
            f"{row['webhook_ms'].get('p99', 0):>9}{row['round_trips']:>7}{row['sql']:>7}{lost:>6}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bots", type=int, default=100)
    parser.add_argument("--chats", type=int, default=30, help="per bot")
    parser.add_argument("--updates", type=int, default=15_000, help="at full load")
    parser.add_argument("--window", type=int, default=128, help="unanswered updates at full load")
    parser.add_argument("--rate", type=int, default=100, help="updates a second in the steady run")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds the Bot API takes per call")
    parser.add_argument("--log-level", default="INFO")
    parser.add_argument("--log", type=Path, default=None, help="keep the processes' output here")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
