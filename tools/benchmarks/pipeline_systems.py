"""What the pipeline benchmark compares: our installation and two usual designs, each with a Telegram of its own."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from launch.ports import free_port
from models import Account, Bot, BotPlugin
from services.core.environment import load_settings
from services.fleet.bots.webhook_secret import webhook_secret
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.benchmarks.pipeline_workers import Workers
from tools.benchmarks.servers import ROOT, cpu_seconds, gunicorn, process, valkey
from tools.servers.process_tree import family

PEER_PYTHON = ROOT / "build" / "bench-venv" / "bin" / "python"
Plugins = Sequence[tuple[str, dict[str, Any]]]
ECHO: Plugins = (("start", {}), ("echo", {"echo_all": True}))
CONNECTIONS = 32  # of Telegram to each system
TOKEN_TAIL = "A" * 35
# Pacing and the limits per user are passed, but set so high that nobody meets them: they are not what is measured.
LIMITS_OFF = {
    "PACING_BOT_PER_SECOND": "100000",
    "PACING_CHAT_PER_SECOND": "100000",
    "PACING_CHAT_BURST": "100000",
    "RATE_LIMITS_JSON": '{"default": {"limit": 10000, "window": 1}}',
    "USER_RATE_PER_MINUTE": "1000000",
    "USER_RATE_BURST": "10000",
    "WORKER_REQUESTS_PER_MINUTE": "0",
}


class Driver:
    """The process that plays Telegram for one system."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._hear()["port"])
        self.api_url = f"http://127.0.0.1:{self.port}"

    def connect(self, port: int, bots: list[dict[str, str]], chats: int) -> None:
        """Open the connections to the system at `port`; `bots` are paths and secrets."""
        self._say({"web_port": port, "connections": CONNECTIONS, "bots": bots, "chats": chats})

    def run(self, updates: int, **order: Any) -> dict[str, Any]:
        """Have updates posted; the report. `order`: rate or window, delay (s) of the Bot API."""
        self._say({"updates": updates, "rate": 0, "window": 0, "delay": 0, "patience": 60, **order})
        return self._hear()

    def run_with_marks(
        self, updates: int, marks: Sequence[int], at_mark: Callable[[], None], **order: Any
    ) -> dict[str, Any]:
        """As `run`, calling `at_mark` each time so many updates are answered."""
        self._say({"updates": updates, "marks": list(marks), "patience": 60, "rate": 0, "window": 0, **order})
        while "mark" in (heard := self._hear()):
            at_mark()
        return heard

    def order(self, **order: Any) -> None:
        """Begin something that `finish` ends."""
        self._say(order)

    def finish(self) -> dict[str, Any]:
        """End what was ordered; the report."""
        self._say({})
        return self._hear()

    def _say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        heard: dict[str, Any] = json.loads(self._process.stdout.readline())
        return heard


@dataclass(frozen=True)
class System:
    """One system under load. `pids` are its processes, its Redis included."""

    name: str
    driver: Driver
    pids: Sequence[int]
    platform: Platform | None = None
    folder: Path | None = None  # of its data
    web_port: int = 0
    workers: Workers | None = None

    def cpu_seconds(self) -> float:
        """CPU time used so far by all its processes and their children."""
        return sum(cpu_seconds(pid) for root in self._roots() for pid in family(root))

    def memory_mb(self) -> float:
        """Proportional memory of all its processes."""
        return sum(pss_kb(pid) for root in self._roots() for pid in family(root)) / 1024

    def reads(self) -> int:
        """Requests its Redis has read: a pipeline or script is one."""
        return int(self.platform.redis.info("stats")["total_reads_processed"]) if self.platform else 0

    def statements(self) -> int:
        """SQL statements of its workers, the dead included."""
        files = self.folder.glob("sql.*") if self.folder else ()
        return sum(int(file.read_text() or 0) for file in files)

    def _roots(self) -> list[int]:
        return [*self.pids, *(self.workers.pids() if self.workers else ())]


@contextmanager
def telegram(module: str = "tools.benchmarks.telegram") -> Iterator[Driver]:
    """A Telegram that posts nothing yet."""
    command = [sys.executable, "-m", module]
    playing = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Driver(playing)
    finally:
        playing.kill()
        playing.wait(10)


@contextmanager
def flotilla(
    folder: Path,
    log: Path,
    bots: int,
    chats: int,
    *,
    clock: bool = False,
    worker_processes: int = 1,
    **settings: str,
) -> Iterator[System]:
    """Ours as deployed: Valkey (AOF everysec), gunicorn with one gevent worker, one worker process or more.

    With `clock` also that process, whose reconciler would ask this Telegram about webhooks it knows nothing of.
    """
    folder.mkdir(mode=0o755)
    with ExitStack() as stack:
        driver = stack.enter_context(telegram())
        redis_url, redis_pid = stack.enter_context(counted_valkey(folder))
        environ = {**environ_of(folder, redis_url, driver.port), **settings}
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        paths = make_bots(platform, bots)
        web = stack.enter_context(gunicorn("gunicorn.conf.py", "wsgi:app", environ, log))
        workers = Workers(platform, {**environ, "SQL_COUNT_FOLDER": str(folder)}, log)
        stack.callback(workers.stop)
        workers.start(worker_processes)
        pids = [redis_pid, web.pid]
        if clock:
            pids.append(stack.enter_context(process([sys.executable, "-m", "jobs.clock"], environ, log)))
        driver.connect(web.port, paths, chats)
        yield System("Flotilla", driver, pids, platform, folder, web.port, workers)


@contextmanager
def celery_design(folder: Path, log: Path, bots: int, chats: int) -> Iterator[System]:
    """FastAPI under uvicorn, a Celery worker with two processes, Valkey as broker with the same durability as ours."""
    folder.mkdir(mode=0o755)
    with ExitStack() as stack:
        driver = stack.enter_context(telegram())
        redis_url, redis_pid = stack.enter_context(counted_valkey(folder))
        secret, port, module = secrets.token_hex(16), free_port(), "tools.benchmarks.peers.celery_bot"
        environ = {
            "REDIS_URL": redis_url,
            "TELEGRAM_API_URL": driver.api_url,
            "PEER_SECRET": secret,
            "LEADS_FILE": str(folder / "leads.sqlite3"),
        }
        web = f"-m uvicorn {module}:app --port {port} --no-access-log --timeout-keep-alive 75 --log-level warning"
        worker = f"-m celery -A {module}:tasks worker --concurrency 2 --loglevel WARNING"
        pids = [
            stack.enter_context(process([str(PEER_PYTHON), *command.split()], environ, log, listening))
            for command, listening in ((worker, 0), (web, port))
        ]
        paths = [{"path": f"/webhook/{number}", "secret": secret} for number in range(1, bots + 1)]
        driver.connect(port, paths, chats)
        yield System("FastAPI + Celery", driver, (redis_pid, *pids))


@contextmanager
def aiogram_server(folder: Path, log: Path, bots: int, chats: int) -> Iterator[System]:
    """aiogram's webhook server under uvloop, answering in process."""
    folder.mkdir(mode=0o755)
    with telegram() as driver:
        port = free_port()
        environ = {
            "TELEGRAM_API_URL": driver.api_url,
            "PORT": str(port),
            "LEADS_FILE": str(folder / "leads.sqlite3"),
        }
        command = [str(PEER_PYTHON), "-m", "tools.benchmarks.peers.aiogram_bot"]
        with process(command, environ, log, port) as pid:
            paths = [
                {"path": f"/webhook/{1_000_000 + number}:{TOKEN_TAIL}", "secret": ""}
                for number in range(1, bots + 1)
            ]
            driver.connect(port, paths, chats)
            yield System("aiogram in process", driver, (pid,))


def make_bots(platform: Platform, number: int, plugins: Plugins = ECHO) -> list[dict[str, str]]:
    """Bots with these plugins; the path and secret of each."""
    with platform.database.transaction() as session:
        account = Account(email="bench@example.org", password_hash="-")
        session.add(account)
        session.flush()
        bots = [_bot(account.id, index, plugins) for index in range(1, number + 1)]
        session.add_all(bots)
        session.flush()
        for bot in bots:
            token = f"{bot.telegram_bot_id}:{TOKEN_TAIL}"
            bot.sealed_token = platform.vault.seal(token, owner=f"bot:{bot.id}")
    platform.redis.hset(keys.webhook_paths(), mapping={bot.path_id: str(bot.id) for bot in bots})
    return [
        {"path": f"/webhook/{bot.path_id}", "secret": webhook_secret(platform.vault, bot.path_id)}
        for bot in bots
    ]


def add_hot_bot(platform: Platform) -> int:
    """One more echo bot, which its Telegram posts nothing for; its id."""
    with platform.database.transaction() as session:
        bot = _bot(session.scalars(select(Account.id)).one(), 999_999)
        session.add(bot)
        session.flush()
        bot.sealed_token = platform.vault.seal(f"{bot.telegram_bot_id}:{TOKEN_TAIL}", owner=f"bot:{bot.id}")
        return bot.id


def _bot(account_id: int, number: int, plugins: Plugins = ECHO) -> Bot:
    return Bot(
        account_id=account_id,
        public_id=f"bot_{number:012x}",
        telegram_bot_id=1_000_000 + number,
        username=f"bench_{number}_bot",
        sealed_token="-",
        mode="webhook",
        path_id=f"path{number:028d}",
        plugins=[
            BotPlugin(position=position, name=name, config=config)
            for position, (name, config) in enumerate(plugins)
        ],
    )


@contextmanager
def counted_valkey(folder: Path) -> Iterator[tuple[str, int]]:
    """Its address and process id."""
    with valkey(folder) as url:
        client = Platform(load_settings(environ_of(folder, url, 1))).redis
        yield url, int(client.info("server")["process_id"])


def environ_of(folder: Path, redis_url: str, telegram_port: int) -> dict[str, str]:
    """The environment of an installation in `folder`, without limits."""
    return {
        "APP_ENV": "test",
        "DATA_DIR": str(folder),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "benchmark",
        "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "TELEGRAM_API_URL": f"http://127.0.0.1:{telegram_port}",
        **LIMITS_OFF,
    }


def pss_kb(pid: int) -> int:
    """Proportional memory of one process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
